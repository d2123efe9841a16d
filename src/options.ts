import { readFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import type { HandlerLogger } from "./bus/events.ts"
import type { CarillonContainer } from "./container.ts"
import type { Clock } from "./core/clock.ts"
import type { EventDefinition } from "./core/definition.ts"
import { ConfigError, expected } from "./core/errors.ts"
import { type Policy, type ResolvedPolicy, resolvePolicy } from "./core/policy.ts"
import { type Scope, scopeKey } from "./core/scope.ts"
import type { Synchronous } from "./engines/sqlite/database.ts"
import { isPostgresUrl, readPostgresUrl, withoutPassword } from "./postgres/url.ts"
import type { MetricsRegistry } from "./telemetry/metrics.ts"
import {
  type ResolvedWebhookSettings,
  resolveWebhookSettings,
  type WebhookSettings,
} from "./webhooks/settings.ts"

export interface CarillonOptions {
  /**
   * Where events are kept: `file:./shop.db`, a path, or `:memory:` for one that ends with the process;
   * `postgres://…` for a PostgreSQL database, which the package `pg` is needed for. `?schema=` and
   * `?pooler=true` in such a URL say what the options of `postgres` say.
   *
   * @defaultValue the environment's `CARILLON_DATABASE`, else `file:.carillon/carillon.db`
   */
  readonly database?: string
  /**
   * What secrets at rest are sealed and log-ins are signed with: at least 32 characters, the same in all processes on
   * one store. Several, with commas or blanks between, to change it: the first seals, all open.
   *
   * @defaultValue the environment's `CARILLON_SECRET`; without that a file is made beside the store when it is first
   *   needed, but not where `NODE_ENV` is `production`
   */
  readonly secret?: string
  /** What only concerns a `postgres://…` database. */
  readonly postgres?: PostgresOptions
  /**
   * Bring the store to this version's schema when it is opened. With `false` a store that is behind is
   * refused, for who migrates in the deploy, perhaps with another role: `carillon migrate`.
   *
   * @defaultValue true
   */
  readonly migrate?: boolean
  /**
   * The consumer group: all processes of one group share its subscriptions' work. Two apps on one
   * database have two names, and each gets each event.
   *
   * @defaultValue the `name` of the nearest `package.json`, else `default`
   */
  readonly group?: string
  /** The scope of what is emitted here and, where given, of what is listened to. */
  readonly scope?: Partial<Scope> | string
  /** A pino logger or anything with its four methods; `false` for none. @defaultValue pino, JSON on stdout */
  readonly logger?: HandlerLogger | false
  /** Log a "Processing" line for each event that subscribers here get. @defaultValue false */
  readonly logEvents?: boolean
  /** What subscriptions get that say nothing themselves. */
  readonly policy?: Policy
  /** The awilix container handed to handlers. @defaultValue a new one */
  readonly container?: CarillonContainer
  /** Events whose data is checked against a schema before anything is written, or looked up: what can be published. */
  readonly definitions?: readonly EventDefinition[]
  /** How webhooks are sent; `false` = not by this process, which can make and change them all the same. */
  readonly webhooks?: false | WebhookSettings
  /** Refuse events that have no definition. @defaultValue false */
  readonly onlyDefined?: boolean
  /**
   * Run the most common deliveries from memory, with one row a commit instead of one a delivery.
   * Switch it off to compare, or to see each delivery as a row of its own. @defaultValue true
   */
  readonly fastPath?: boolean
  /**
   * Where the store runs: in a thread of its own, which leaves the event loop free whatever the disk
   * does, or in the caller's, which answers a single emit sooner. @defaultValue "worker"; "main" for `:memory:`
   */
  readonly storeThread?: "worker" | "main"
  /**
   * SQLite's `synchronous`: `FULL` survives a power failure, `NORMAL` only the process, `OFF` nothing.
   *
   * @defaultValue "FULL"
   */
  readonly synchronous?: Synchronous
  /** The largest event, in bytes of JSON. @defaultValue 262_144 */
  readonly mostEventBytes?: number
  /** Events waiting for the disk, in bytes; beyond, `emit` rejects with `CARILLON_OVERLOADED`. @defaultValue 67_108_864 */
  readonly mostWaitingBytes?: number
  /**
   * How long an emit waits for a store that does not answer, in milliseconds; then it rejects with
   * `CARILLON_STORE_UNAVAILABLE`. @defaultValue 30_000
   */
  readonly emitTimeoutMs?: number
  /** Deliveries running at one time in this process, of all subscriptions. @defaultValue 1_000 */
  readonly concurrency?: number
  /** Deliveries that a crash of this process may repeat. @defaultValue 4_000 */
  readonly mostRepeated?: number
  /** How long a worker that is silent keeps its work, in milliseconds. @defaultValue 15_000 */
  readonly leaseMs?: number
  /** How often a worker says that it lives. @defaultValue a third of `leaseMs` */
  readonly heartbeatMs?: number
  /** How often an idle worker looks for work nobody hinted at, in milliseconds. @defaultValue 1_000 */
  readonly pollMs?: number
  /** How long `stop` waits for handlers, in milliseconds. @defaultValue 10_000 */
  readonly graceMs?: number
  /** When to call a subscription lagging: its oldest waiting delivery's age in milliseconds. @defaultValue 60_000 */
  readonly laggingMs?: number
  /** Delete settled events and their history after so many milliseconds. @defaultValue 30 days */
  readonly retentionMs?: number
  /** Delete dead letters after so many milliseconds. @defaultValue 90 days */
  readonly deadRetentionMs?: number
  /** Delete what the audit log says after so many milliseconds. @defaultValue 365 days */
  readonly auditRetentionMs?: number
  /** Report staged events that are older than this, in milliseconds. @defaultValue 24 hours */
  readonly stagedTtlMs?: number
  /** The application's registry of prom-client: `carillon.metrics()` prints what is in it as well. @defaultValue none */
  readonly metricsRegistry?: MetricsRegistry
  /** Where time comes from; tests move it. */
  readonly clock?: Clock
  /** Chance from 0 up to, not including, 1; tests fix it. */
  readonly random?: () => number
}

/** How to work with a PostgreSQL database. */
export interface PostgresOptions {
  /** The schema that holds Carillon's tables; it is made where it is missing. @defaultValue "carillon" */
  readonly schema?: string
  /**
   * A pooler in transaction mode, such as PgBouncer, stands between: statements are not prepared by name
   * and nothing rests in a session. @defaultValue false
   */
  readonly pooler?: boolean
  /**
   * Where to listen for hints of other processes, past a pooler; `false` for nowhere: then work that they
   * left is found by looking, each `pollMs`. @defaultValue the database; `false` behind a pooler
   */
  readonly listenUrl?: string | false
  /** The most connections for what only reads; commits and leases have two each of their own. @defaultValue 4 */
  readonly readers?: number
  /** The most handlers that may hold a transaction of theirs (`ctx.tx`) at one time. @defaultValue 10 */
  readonly transactions?: number
  /** How long an answer is waited for before a connection counts as dead, in milliseconds. @defaultValue 10_000 */
  readonly answerTimeoutMs?: number
}

export interface ResolvedPostgres {
  readonly url: string
  readonly schema: string
  readonly pooler: boolean
  readonly listenUrl: string | null
  readonly readers: number
  readonly transactions: number
  readonly answerTimeoutMs: number
}

export type ResolvedOptions = {
  readonly [K in keyof Omit<
    CarillonOptions,
    | "database"
    | "postgres"
    | "secret"
    | "metricsRegistry"
    | "clock"
    | "scope"
    | "logger"
    | "policy"
    | "container"
    | "webhooks"
  >]-?: NonNullable<CarillonOptions[K]>
} & {
  readonly database: string // as it may be shown: a path, `:memory:`, or a URL without its password
  readonly path: string // of a file; "" where the database is none
  readonly postgres: ResolvedPostgres | null // null = a file
  readonly secret: string | null // null = look in the environment, then in the file
  readonly secretFile: string | null // null = the store is in memory, and so is its secret
  readonly metricsRegistry: MetricsRegistry | null // null = the application has none
  readonly clock: Clock | null // null = the machine's, or the database server's
  readonly scope: string
  readonly subscriptionScope: string | null
  readonly logger: HandlerLogger | false | undefined
  readonly policy: ResolvedPolicy
  readonly container: CarillonContainer | undefined
  readonly webhooks: ResolvedWebhookSettings
}

const DAY_MS = 24 * 60 * 60 * 1000

/** Every option decided and checked, once; nobody below asks again. */
export function resolveOptions(options: CarillonOptions): ResolvedOptions {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new ConfigError(expected("the options of createCarillon to be an object", options))
  }
  checkParts(options)
  const known = new Set<string>(KNOWN)
  for (const name of Object.keys(options)) {
    if (!known.has(name))
      throw new ConfigError(
        `Expected an option of createCarillon, got \`${name}\`. There are: ${KNOWN.join(", ")}.`,
      )
  }
  const leaseMs = whole("leaseMs", options.leaseMs, 15_000, 100, LONGEST_TIMER_MS)
  const heartbeatMs = whole("heartbeatMs", options.heartbeatMs, Math.floor(leaseMs / 3), 10, leaseMs - 1)
  const concurrency = whole("concurrency", options.concurrency, 1_000, 1)
  const database = options.database ?? (process.env.CARILLON_DATABASE || DEFAULT_DATABASE)
  const postgres = resolvePostgres(database, options.postgres)
  const path = postgres === null ? databasePath(database) : ""
  return Object.freeze({
    database: postgres === null ? path : shownUrl(postgres),
    path,
    postgres,
    secret: secretOption(options.secret),
    secretFile: secretFile(path, postgres),
    migrate: truth("migrate", options.migrate, true),
    group: groupName(options.group),
    scope: scopeKey(options.scope),
    subscriptionScope: options.scope === undefined ? null : scopeKey(options.scope),
    logger: options.logger,
    logEvents: options.logEvents ?? false,
    policy: resolvePolicy(options.policy),
    container: options.container,
    definitions: options.definitions ?? [],
    webhooks: resolveWebhookSettings(options.webhooks, { capacity: concurrency, env: process.env }),
    onlyDefined: options.onlyDefined ?? false,
    fastPath: options.fastPath ?? true,
    storeThread: oneOf("storeThread", options.storeThread, path === ":memory:" ? "main" : "worker", [
      "worker",
      "main",
    ]),
    synchronous: oneOf("synchronous", options.synchronous, "FULL", ["FULL", "NORMAL", "OFF"]),
    mostEventBytes: whole("mostEventBytes", options.mostEventBytes, 262_144, 1),
    mostWaitingBytes: whole("mostWaitingBytes", options.mostWaitingBytes, 64 * 1024 * 1024, 1),
    emitTimeoutMs: whole("emitTimeoutMs", options.emitTimeoutMs, 30_000, 1, LONGEST_TIMER_MS),
    concurrency,
    mostRepeated: whole("mostRepeated", options.mostRepeated, 4_000, 1),
    leaseMs,
    heartbeatMs,
    pollMs: whole("pollMs", options.pollMs, 1_000, 10, LONGEST_TIMER_MS),
    graceMs: whole("graceMs", options.graceMs, 10_000, 0, LONGEST_TIMER_MS),
    laggingMs: whole("laggingMs", options.laggingMs, 60_000, 1),
    retentionMs: whole("retentionMs", options.retentionMs, 30 * DAY_MS, 1),
    deadRetentionMs: whole("deadRetentionMs", options.deadRetentionMs, 90 * DAY_MS, 1),
    auditRetentionMs: whole("auditRetentionMs", options.auditRetentionMs, 365 * DAY_MS, 1),
    stagedTtlMs: whole("stagedTtlMs", options.stagedTtlMs, DAY_MS, 1),
    metricsRegistry: metricsRegistry(options.metricsRegistry),
    clock: options.clock ?? null,
    random: options.random ?? Math.random,
  })
}

const KNOWN: readonly (keyof CarillonOptions)[] = [
  "database",
  "postgres",
  "secret",
  "migrate",
  "group",
  "scope",
  "logger",
  "logEvents",
  "policy",
  "container",
  "definitions",
  "webhooks",
  "onlyDefined",
  "fastPath",
  "storeThread",
  "synchronous",
  "mostEventBytes",
  "mostWaitingBytes",
  "emitTimeoutMs",
  "concurrency",
  "mostRepeated",
  "leaseMs",
  "heartbeatMs",
  "pollMs",
  "graceMs",
  "laggingMs",
  "retentionMs",
  "deadRetentionMs",
  "auditRetentionMs",
  "stagedTtlMs",
  "metricsRegistry",
  "clock",
  "random",
]

const DEFAULT_DATABASE = "file:.carillon/carillon.db"

function resolvePostgres(database: unknown, given: PostgresOptions = {}): ResolvedPostgres | null {
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw new ConfigError(expected("`postgres` to be an object", given))
  if (!isPostgresUrl(database)) {
    if (Object.keys(given).length === 0) return null
    throw new ConfigError(expected("`postgres` to stand beside a `postgres://…` database only", given))
  }
  for (const name of Object.keys(given)) {
    if (!POSTGRES_OPTIONS.includes(name))
      throw new ConfigError(
        `Expected an option of \`postgres\`, got \`${name}\`. There are: ${POSTGRES_OPTIONS.join(", ")}.`,
      )
  }
  const inUrl = readPostgresUrl(database)
  const pooler = truth("postgres.pooler", agreed("pooler", given.pooler, inUrl.pooler), false)
  return Object.freeze({
    url: inUrl.url,
    schema: schemaName(agreed("schema", given.schema, inUrl.schema)),
    pooler,
    listenUrl: listenUrl(given.listenUrl, pooler ? null : inUrl.url),
    readers: whole("postgres.readers", given.readers, 4, 1, 100),
    transactions: whole("postgres.transactions", given.transactions, 10, 1, 1_000),
    answerTimeoutMs: whole("postgres.answerTimeoutMs", given.answerTimeoutMs, 10_000, 100, LONGEST_TIMER_MS),
  })
}

const POSTGRES_OPTIONS = ["schema", "pooler", "listenUrl", "readers", "transactions", "answerTimeoutMs"]

/** Whoever says it twice has to say the same. */
function agreed<T>(name: string, given: T | undefined, inUrl: T | undefined): T | undefined {
  if (given === undefined || inUrl === undefined || given === inUrl) return given ?? inUrl
  throw new ConfigError(
    `Expected \`postgres.${name}\` and \`${name}\` in the database's URL to say the same, got ${JSON.stringify(given)} and ${JSON.stringify(inUrl)}. Leave one of them out.`,
  )
}

/** What somebody could type as `--database`, but for the password. */
function shownUrl({ url, schema, pooler }: ResolvedPostgres): string {
  const ours = [schema === USUAL_SCHEMA ? "" : `schema=${schema}`, pooler ? "pooler=true" : ""].filter(
    Boolean,
  )
  if (ours.length === 0) return withoutPassword(url)
  return `${withoutPassword(url)}${url.includes("?") ? "&" : "?"}${ours.join("&")}`
}

const USUAL_SCHEMA = "carillon"

/** PostgreSQL cuts longer names short, and hints travel on a channel of that name. */
function schemaName(schema: unknown): string {
  if (schema === undefined) return USUAL_SCHEMA
  if (typeof schema === "string" && /^[a-z_][a-z0-9_]{0,49}$/.test(schema) && !/^(pg_|public$)/.test(schema))
    return schema
  throw new ConfigError(
    expected(
      "the schema to be 1 to 50 small letters, digits and `_`, not `public` and not beginning with `pg_`",
      schema,
    ),
  )
}

function listenUrl(given: unknown, usual: string | null): string | null {
  if (given === undefined) return usual
  if (given === false) return null
  if (isPostgresUrl(given)) return readPostgresUrl(given).url
  throw new ConfigError(expected("`postgres.listenUrl` to be `postgres://…` or false", given))
}

function databasePath(database: unknown): string {
  if (typeof database !== "string" || database === "") {
    throw new ConfigError(
      expected("`database` to be `file:…`, a path, `:memory:` or `postgres://…`", database),
    )
  }
  if (database === ":memory:" || database === "file::memory:") return ":memory:"
  if (database.startsWith("file://")) return fileURLToPath(database)
  if (database.startsWith("file:") && database.includes("?")) {
    throw new ConfigError(
      expected("`database` to be a file without `?`: its settings are options of createCarillon", database),
    )
  }
  if (database.startsWith("file:")) return resolve(database.slice("file:".length))
  // One letter and a colon is a drive of Windows.
  if (/^[a-z][a-z0-9+.-]+:/i.test(database)) {
    throw new ConfigError(
      `Expected \`database\` to be \`file:…\`, a path, \`:memory:\` or \`postgres://…\`, got \`${database.split(":")[0]}:…\`: this version has no engine for it.`,
    )
  }
  return resolve(database)
}

/** What came is a secret, and is not said. */
function secretOption(secret: unknown): string | null {
  if (secret === undefined) return null
  if (typeof secret === "string") return secret
  throw new ConfigError(`Expected \`secret\` to be text, got ${secret === null ? "null" : typeof secret}.`)
}

/** Beside a file of events; for a server, which may be far away, in the working folder. */
function secretFile(path: string, postgres: ResolvedPostgres | null): string | null {
  if (postgres !== null) return resolve(".carillon/secret")
  return path === ":memory:" ? null : `${path}.secret`
}

function metricsRegistry(registry: unknown): MetricsRegistry | null {
  if (registry === undefined) return null
  if (typeof (registry as MetricsRegistry | null)?.metrics === "function") return registry as MetricsRegistry
  throw new ConfigError(expected("`metricsRegistry` to be a Registry of prom-client", registry))
}

function groupName(group: unknown): string {
  if (group === undefined) return packageName() ?? "default"
  const fits = typeof group === "string" && group !== "" && group.length <= 200
  if (fits && !/\p{Cc}/u.test(group) && group.isWellFormed()) return group
  throw new ConfigError(
    expected("`group` to be a string of 1 to 200 characters without control characters", group),
  )
}

/** Two apps on one database never share a group by default: it comes from the app's own package. */
function packageName(): string | null {
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    try {
      const { name } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { name?: unknown }
      if (typeof name === "string" && name !== "") return name
    } catch {
      // No readable package.json here: look further up.
    }
    if (dirname(folder) === folder) return null
  }
}

/** A host's timers keep no longer time in one piece. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

function whole(
  name: string,
  value: unknown,
  fallback: number,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): number {
  if (value === undefined) return fallback
  if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most)
    return value as number
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least} up` : `from ${least} to ${most}`
  throw new ConfigError(expected(`\`${name}\` to be a whole number ${range}`, value))
}

/** What is handed in as an object must be able to do what is asked of it. */
function checkParts({ logger, container, clock, definitions }: CarillonOptions): void {
  const can = (part: unknown, verbs: readonly string[]): boolean =>
    verbs.every((verb) => typeof (part as Record<string, unknown> | null)?.[verb] === "function")
  if (logger !== undefined && logger !== false && !can(logger, ["debug", "info", "warn", "error"])) {
    throw new ConfigError(expected("`logger` to have debug, info, warn and error, or to be false", logger))
  }
  if (container !== undefined && !can(container, ["register", "resolve"])) {
    throw new ConfigError(expected("`container` to be an awilix container", container))
  }
  if (clock !== undefined && !can(clock, ["now", "monotonic", "setTimeout", "clearTimeout"])) {
    throw new ConfigError(expected("`clock` to have now, monotonic, setTimeout and clearTimeout", clock))
  }
  const isDefinition = (each: EventDefinition): boolean =>
    typeof each?.name === "string" && typeof each.create === "function"
  const areDefinitions = Array.isArray(definitions) && definitions.every(isDefinition)
  if (definitions !== undefined && !areDefinitions) {
    throw new ConfigError(expected("`definitions` to be an array of what `defineEvent` returns", definitions))
  }
}

function truth(name: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback
  if (typeof value === "boolean") return value
  throw new ConfigError(expected(`\`${name}\` to be true or false`, value))
}

function oneOf<T extends string>(name: string, value: unknown, fallback: T, words: readonly T[]): T {
  if (value === undefined) return fallback
  if (words.includes(value as T)) return value as T
  throw new ConfigError(expected(`\`${name}\` to be one of ${words.join(", ")}`, value))
}
