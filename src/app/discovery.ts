import type { Dirent } from "node:fs"
import { readdir } from "node:fs/promises"
import { join } from "node:path"

/**
 * The files below `folder` that hold something of their own, in alphabetical order: every TypeScript or
 * JavaScript file but `index.*`, `_name.*`, tests, declarations and whatever lies in `__tests__`. No
 * folder, no files.
 */
export function findSources(folder: string): Promise<string[]> {
  return filesBelow(folder, (name) => isSource(name) && !name.startsWith("index."))
}

/** The files below `folder` of this name: `route` finds every `route.ts` or `route.js`. */
export function findNamed(folder: string, name: string): Promise<string[]> {
  return filesBelow(folder, (each) => isSource(each) && each.replace(ENDING, "") === name)
}

/** The file of this name that lies in `folder` itself; null = there is none. */
export async function findOne(folder: string, name: string): Promise<string | null> {
  const entries = await entriesOf(folder)
  const found = entries.find((entry) => isSource(entry.name) && entry.name.replace(ENDING, "") === name)
  return found === undefined ? null : join(folder, found.name)
}

/** The folders that lie in `folder` itself. */
export async function findFolders(folder: string): Promise<string[]> {
  const entries = await entriesOf(folder)
  return entries.filter(isWelcome).map(({ name }) => join(folder, name))
}

async function filesBelow(folder: string, fits: (name: string) => boolean): Promise<string[]> {
  const found: string[] = []
  for (const entry of await entriesOf(folder)) {
    const path = join(folder, entry.name)
    if (isWelcome(entry)) found.push(...(await filesBelow(path, fits)))
    else if (!entry.isDirectory() && fits(entry.name)) found.push(path)
  }
  return found
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return []
    throw error
  })
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
}

const SKIPPED_FOLDERS: readonly string[] = ["__tests__", "node_modules"]

function isWelcome(entry: Dirent): boolean {
  return entry.isDirectory() && !SKIPPED_FOLDERS.includes(entry.name)
}

const ENDING = /\.[cm]?[jt]s$/

function isSource(name: string): boolean {
  return ENDING.test(name) && !/^[_.]|\.d\.[cm]?ts$|\.(?:spec|test)\.[cm]?[jt]s$/.test(name)
}
