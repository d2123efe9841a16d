import { extname, sep } from "node:path"
import { createJiti } from "jiti"

/** Loads an app's files as its author wrote them: TypeScript of every kind, and fresh each time. */
export interface Loader {
  load(file: string): Promise<Readonly<Record<string, unknown>>>
  /** What was loaded so far, files that others import included; packages left out. */
  files(): readonly string[]
}

/**
 * A loader whose modules are new, however often their files were loaded before. Among themselves they
 * share each module, and they share `carillon` with this process: one set of classes, one of symbols.
 */
export async function newLoader(folder: string): Promise<Loader> {
  const jiti = createJiti(`${folder}${sep}`, {
    fsCache: false,
    interopDefault: false,
    sourceMaps: true,
    tsconfigPaths: true,
    virtualModules: await ownDoors(),
  })
  // jiti keeps its modules in Node's cache, which outlives it.
  for (const file of loadedByUs) delete jiti.cache[file]
  const before = new Set(Object.keys(jiti.cache))
  const files = () => Object.keys(jiti.cache).filter((file) => !before.has(file) && !isPackage(file))
  return {
    files,
    load: async (file) => {
      try {
        return await jiti.import(file)
      } finally {
        for (const each of files()) loadedByUs.add(each)
      }
    },
  }
}

const loadedByUs = new Set<string>()

/** This package as its users import it: from the sources where we run from them, else from the build. */
async function ownDoors(): Promise<Record<string, Record<string, unknown>>> {
  const door = (file: string): Promise<Record<string, unknown>> =>
    import(new URL(`../${file}${extname(import.meta.url)}`, import.meta.url).href)
  return { carillon: await door("index"), "carillon/workflows": await door("workflows/index") }
}

function isPackage(file: string): boolean {
  return file.includes(`${sep}node_modules${sep}`)
}
