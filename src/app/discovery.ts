import { readdir } from "node:fs/promises"
import { join } from "node:path"

/**
 * The files below `folder` that may be subscribers, in alphabetical order: every TypeScript or JavaScript
 * file but `index.*`, `_name.*`, tests, declarations and whatever lies in `__tests__`. No folder, no files.
 */
export async function findSubscriberFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return []
    throw error
  })
  const found: string[] = []
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name)
    if (entry.isDirectory() && !SKIPPED_FOLDERS.includes(entry.name))
      found.push(...(await findSubscriberFiles(path)))
    else if (!entry.isDirectory() && isSubscriberFile(entry.name)) found.push(path)
  }
  return found
}

const SKIPPED_FOLDERS: readonly string[] = ["__tests__", "node_modules"]

function isSubscriberFile(name: string): boolean {
  return (
    /\.[cm]?[jt]s$/.test(name) && !/^(?:index\.|[_.])|\.d\.[cm]?ts$|\.(?:spec|test)\.[cm]?[jt]s$/.test(name)
  )
}
