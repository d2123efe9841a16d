import { basename, relative, sep } from "node:path"

export interface Watcher {
  /** Heeds these files too, wherever they are and whatever they hold. */
  follow(files: readonly string[]): void
  close(): Promise<void>
}

/** Editors write in several steps; what follows within this time is one change. */
const SETTLE_MS = 100

/** Calls `onChange` with the files that changed, one call for what changes together. */
export async function watchApp(
  folder: string,
  onChange: (files: readonly string[]) => unknown,
): Promise<Watcher> {
  const { watch } = await import("chokidar")
  const extra = new Set<string>()
  const isIgnored = (path: string): boolean => !extra.has(path) && isUninteresting(relative(folder, path))
  const watcher = watch(folder, { ignoreInitial: true, ignored: isIgnored })
  const changed = new Set<string>()
  let timer: NodeJS.Timeout | null = null
  watcher.on("all", (kind, path) => {
    if (kind.endsWith("Dir") || !(extra.has(path) || isSource(path))) return
    changed.add(path)
    if (timer !== null) clearTimeout(timer)
    timer = setTimeout(() => {
      const files = [...changed]
      changed.clear()
      onChange(files)
    }, SETTLE_MS)
  })
  const { promise: ready, resolve } = Promise.withResolvers<void>()
  watcher.on("ready", resolve)
  await ready
  return {
    follow: (files) => {
      for (const file of files) extra.add(file)
      watcher.add([...extra])
    },
    close: async () => {
      if (timer !== null) clearTimeout(timer)
      await watcher.close()
    },
  }
}

function isSource(path: string): boolean {
  return /\.[cm]?[jt]sx?$/.test(basename(path))
}

/** Packages, builds, and what lies behind a dot (the store among it). */
function isUninteresting(path: string): boolean {
  return path.split(sep).some((part) => part === "node_modules" || part === "dist" || /^\.[^.]/.test(part))
}
