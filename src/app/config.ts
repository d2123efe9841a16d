import { existsSync } from "node:fs"
import { join, resolve } from "node:path"
import type { Carillon } from "../carillon.ts"
import { type MagentoConfig, type ResolvedMagento, resolveMagento } from "../compat/magento/config.ts"
import type { CarillonContainer } from "../container.ts"
import { CarillonError, ConfigError, expected } from "../core/errors.ts"
import { type CarillonOptions, resolveOptions } from "../options.ts"
import type { Receipt } from "../worker/committer.ts"
import { type HttpConfig, type HttpOptions, resolveHttp } from "./http/options.ts"
import { LOG_LEVELS, type LogLevel } from "./log.ts"
import { checkModules, type ModuleConfig } from "./modules.ts"

/** What `carillon.config.ts` exports by default: the options of `createCarillon`, and those of the app. */
export interface CarillonConfig extends Omit<CarillonOptions, "container" | "clock" | "random"> {
  /**
   * Where events are kept: `file:./shop.db`, a path, or `:memory:`. A relative path starts at the app's
   * folder. `--database` on the command line wins over it.
   *
   * @defaultValue the environment's `CARILLON_DATABASE`, else `.carillon/carillon.db` in the app's folder
   */
  readonly database?: string
  /**
   * The consumer group: all processes of one group share its subscriptions' work.
   *
   * @defaultValue the `name` of the app's `package.json`, else `default`
   */
  readonly group?: string
  /** Log a "Processing" line for each event that subscribers here get. @defaultValue true */
  readonly logEvents?: boolean
  /**
   * The least severe lines that the app's own logger writes. Of no effect on a `logger` of yours.
   *
   * @defaultValue "info"
   */
  readonly logLevel?: LogLevel
  /**
   * How the app answers HTTP: with the routes in `src/api`, and with Carillon's own API. `false` = not at all.
   */
  readonly http?: HttpConfig | false
  /**
   * The app's modules, with the options that their services are made with. Those of `src/modules` that are
   * not named here have none.
   */
  readonly modules?: readonly ModuleConfig[]
  /**
   * The app's own services, by the name under which subscribers resolve them from the container.
   *
   * Each is made once, in this order, before any subscriber is called. What comes out with a
   * `Symbol.asyncDispose` or `Symbol.dispose` method is disposed of at the end, in reverse order, after
   * the last handler.
   *
   * @example
   * ```ts
   * import { defineConfig } from "carillon"
   *
   * export default defineConfig({
   *   services: {
   *     cms: () => ({ createBrand: async (id: string) => console.log(id) }),
   *   },
   * })
   * ```
   */
  readonly services?: Readonly<Record<string, ServiceFactory>>
  /** What the app has to do with a Magento shop: the events that it takes from there, and what looks them up. */
  readonly magento?: MagentoConfig
  /** Registers what `services` cannot say, with all that awilix offers; called after `services` are made. */
  readonly register?: (container: CarillonContainer) => unknown
  /** Handed to every subscriber as `pluginOptions`. @defaultValue `{}` */
  readonly pluginOptions?: Readonly<Record<string, unknown>>
  /**
   * Called each time the app has started. The receipts of what it emits may be returned: the app then
   * says what became of those events, and `carillon dev --once` waits for them.
   */
  readonly onStart?: (app: StartedApp) => unknown
}

/** Makes a service; may look others up that stand before it. */
export type ServiceFactory = (container: CarillonContainer) => unknown

/** What `onStart` gets. */
export interface StartedApp {
  readonly carillon: Carillon
  readonly container: CarillonContainer
  /** `reload`: the app begins again because one of its files changed. `once`: it ends when all is settled. */
  readonly occasion: "start" | "reload" | "once"
  /** A command to type in another terminal, for this app's database: `command("trace", receipt.id)`. */
  readonly command: (...words: string[]) => string
  /** Where the app answers HTTP, such as `http://localhost:9000`; null = it does not. */
  readonly url: string | null
}

/** The receipts that `onStart` returned. */
export function receiptsIn(returned: unknown): readonly Receipt[] {
  const isReceipt = (each: unknown): each is Receipt => typeof (each as Receipt | null)?.id === "string"
  return Array.isArray(returned) ? returned.filter(isReceipt) : []
}

/** Types the configuration of an app; returns it as it is. */
export function defineConfig(config: CarillonConfig): CarillonConfig {
  return config
}

/** A configuration whose every value was looked at. */
export interface CheckedConfig {
  readonly carillon: CarillonOptions
  readonly logLevel: LogLevel
  readonly http: HttpOptions
  readonly modules: readonly ModuleConfig[]
  readonly services: Readonly<Record<string, ServiceFactory>>
  readonly magento: ResolvedMagento
  readonly register: (container: CarillonContainer) => unknown
  readonly pluginOptions: Readonly<Record<string, unknown>>
  readonly onStart: (app: StartedApp) => unknown
}

/** The app's configuration file; `null` = it has none, which is fine. */
export function findConfigFile(folder: string): string | null {
  const names = ["ts", "mts", "cts", "js", "mjs", "cjs"].map((ending) => `carillon.config.${ending}`)
  return names.map((name) => join(folder, name)).find((file) => existsSync(file)) ?? null
}

/**
 * @param file - how the file is called in messages
 * @throws ConfigError that names the file and the option
 */
export function checkConfig(
  config: unknown,
  { file, folder, database }: { file: string; folder: string; database: string | undefined },
): CheckedConfig {
  if (typeof config !== "object" || config === null || Array.isArray(config))
    throw new ConfigError(`${file}: ${expected("a default export made by `defineConfig({ … })`", config)}`)
  const { logLevel, http, modules, services, magento, register, pluginOptions, onStart, ...options } =
    config as CarillonConfig
  const check = (name: string, value: unknown, what: string, isRight: boolean): void => {
    if (value !== undefined && !isRight)
      throw new ConfigError(`${file}: ${expected(`\`${name}\` to be ${what}`, value)}`)
  }
  check("logLevel", logLevel, `one of ${LOG_LEVELS.join(", ")}`, LOG_LEVELS.includes(logLevel as LogLevel))
  check("services", services, "an object of functions", isRecord(services))
  for (const [name, make] of Object.entries(services ?? {}))
    check(`services.${name}`, make, "a function that makes the service", typeof make === "function")
  check("register", register, "a function", typeof register === "function")
  check("pluginOptions", pluginOptions, "an object", isRecord(pluginOptions))
  check("onStart", onStart, "a function", typeof onStart === "function")
  return {
    carillon: checkOptions(options, { file, folder, database }),
    logLevel: logLevel ?? "info",
    http: resolveHttp(file, http),
    modules: checkModules(file, modules ?? []),
    services: services ?? {},
    magento: resolveMagento(file, magento),
    register: register ?? nothing,
    pluginOptions: Object.freeze({ ...pluginOptions }),
    onStart: onStart ?? nothing,
  }
}

function nothing(): void {}

function isRecord(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function checkOptions(
  options: CarillonOptions,
  { file, folder, database }: { file: string; folder: string; database: string | undefined },
): CarillonOptions {
  const given = database ?? inFolder(folder, options.database) ?? (process.env.CARILLON_DATABASE || undefined)
  const all = { logEvents: true, ...options, database: given ?? join(folder, ".carillon", "carillon.db") }
  const theirs = NOT_FOR_FILES.find((name) => name in options)
  if (theirs !== undefined)
    throw new ConfigError(
      `${file}: expected no \`${theirs}\`: the app brings its own. Use \`register\` or \`services\`.`,
    )
  try {
    resolveOptions(all)
  } catch (error) {
    if (!(error instanceof CarillonError)) throw error
    const more = error.message.startsWith("Expected an option") ? ` And, for an app: ${APP_OPTIONS}.` : ""
    throw new ConfigError(`${file}: ${error.message}${more}`, { cause: error })
  }
  return all
}

const NOT_FOR_FILES = ["container", "clock", "random"] as const
const APP_OPTIONS = "logLevel, http, modules, services, magento, register, pluginOptions, onStart"

/** An app keeps its events beside itself, wherever it is started from. */
function inFolder(folder: string, database: unknown): string | undefined {
  if (typeof database !== "string" || database === "") return database as undefined // complained of by resolveOptions
  if (/^[a-z]+:\/\//i.test(database) || database.endsWith(":memory:")) return database
  return resolve(folder, database.replace(/^file:/, ""))
}
