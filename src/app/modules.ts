import { existsSync } from "node:fs"
import { createRequire } from "node:module"
import { join, relative, resolve, sep } from "node:path"
import { ConfigError, expected } from "../core/errors.ts"
import { isModule } from "../data/module.ts"
import type { ConfiguredModule } from "../data/open-modules.ts"
import { findFolders, findOne } from "./discovery.ts"

/** A module of the app's, as `carillon.config.ts` names it. */
export interface ModuleConfig {
  /** Its folder or file, `./src/modules/cms`, or a package. */
  readonly resolve: string
  /** Handed to its service. */
  readonly options?: Readonly<Record<string, unknown>>
}

type Read = (file: string) => Promise<Readonly<Record<string, unknown>>>

/** Those of the configuration, in its order, and then every other of `src/modules`. */
export async function loadModules(
  folder: string,
  configured: readonly ModuleConfig[],
  read: Read,
): Promise<readonly ConfiguredModule[]> {
  const wishes = new Map<string, ModuleConfig["options"]>()
  for (const { resolve: place, options } of configured) wishes.set(await fileOf(folder, place), options)
  for (const each of await findFolders(join(folder, "src", "modules"))) {
    const file = await findOne(each, "index")
    if (file !== null && !wishes.has(file)) wishes.set(file, undefined)
  }
  const modules: ConfiguredModule[] = []
  for (const [file, options] of wishes)
    modules.push({ module: moduleIn(folder, file, await read(file)), options })
  return modules
}

function moduleIn(
  folder: string,
  file: string,
  exports: Readonly<Record<string, unknown>>,
): ConfiguredModule["module"] {
  if (isModule(exports.default)) return exports.default
  throw new ConfigError(
    `${relative(folder, file)}: ${expected("a default export made by `Module(name, { service })`", exports.default)}`,
  )
}

async function fileOf(folder: string, place: string): Promise<string> {
  if (!/^\.{0,2}[/\\]/.test(place)) return packageFile(folder, place)
  const path = resolve(folder, place)
  const [parent, name] = [join(path, ".."), path.slice(path.lastIndexOf(sep) + 1)]
  const found = (await findOne(path, "index").catch(() => null)) ?? (await findOne(parent, name)) ?? path
  if (/\.[cm]?[jt]s$/.test(found) && existsSync(found)) return found
  throw new ConfigError(
    `Expected the module \`${place}\` of \`modules\` to be a folder with an index.ts, or a file; there is none at ${relative(folder, path) || path}.`,
  )
}

function packageFile(folder: string, name: string): string {
  try {
    return createRequire(join(folder, "package.json")).resolve(name)
  } catch (cause) {
    throw new ConfigError(
      `Expected \`${name}\` of \`modules\` to be a package that is installed. A folder of the app's begins with \`./\`.`,
      { cause },
    )
  }
}

/** @throws ConfigError that names the file and what is wrong */
export function checkModules(file: string, given: unknown): readonly ModuleConfig[] {
  if (!Array.isArray(given)) throw new ConfigError(`${file}: ${expected("`modules` to be a list", given)}`)
  for (const [i, each] of given.entries()) {
    const { resolve: place, options, ...others } = (each ?? {}) as ModuleConfig
    const where = `${file}: \`modules[${i}]\``
    if (typeof place !== "string" || place === "")
      throw new ConfigError(
        `${where}: ${expected('`resolve` to be a place such as `"./src/modules/cms"`', place)}`,
      )
    if (options !== undefined && (typeof options !== "object" || options === null))
      throw new ConfigError(`${where}: ${expected("`options` to be an object", options)}`)
    const [unknown] = Object.keys(others)
    if (unknown !== undefined)
      throw new ConfigError(`${where}: expected \`resolve\` and \`options\`, got \`${unknown}\`.`)
  }
  return given as readonly ModuleConfig[]
}
