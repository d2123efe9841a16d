import { ConfigError, expected } from "../../core/errors.ts"
import { bytesOf } from "./middlewares.ts"

/** How an app answers HTTP. */
export interface HttpConfig {
  /**
   * Where to listen: `localhost` is 127.0.0.1 and ::1, `0.0.0.0` or `::` is every network.
   *
   * @defaultValue the environment's `HOST`, else `localhost`
   */
  readonly host?: string
  /** `0` is any free port. @defaultValue the environment's `PORT`, else 9000 */
  readonly port?: number
  /** The largest body: bytes, or text such as `"1mb"`. @defaultValue 102_400 */
  readonly bodyLimit?: number | string
  /**
   * How many proxies of yours stand before the app: each adds to `X-Forwarded-For`, which is not believed
   * further. @defaultValue 0
   */
  readonly proxies?: number
  /** Origins whose pages may call the app from a browser: `https://shop.example`. @defaultValue none */
  readonly cors?: readonly string[]
  /** How long a request may take to arrive, in milliseconds. @defaultValue 30_000 */
  readonly requestTimeoutMs?: number
  /** How long a log-in is good for, in milliseconds. @defaultValue 86_400_000 (24 hours) */
  readonly tokenLifetimeMs?: number
  /** Carillon's own API, at `/api` and `/metrics`; `false` = none. It asks for a token, where the app's routes may not. */
  readonly api?: ApiConfig | false
}

/** Carillon's API beside an app. */
export interface ApiConfig {
  /** The largest body: bytes, or text such as `"1mb"`. @defaultValue 4_194_304 (4 MiB) */
  readonly bodyLimit?: number | string
  /** `open`: whoever reaches the app may read `/metrics`. @defaultValue `CARILLON_METRICS`, else `closed` */
  readonly metrics?: "open" | "closed"
  /** Also answer as a Magento shop does for its async events, at `/rest/V1`. @defaultValue true */
  readonly magento?: boolean
}

export interface ApiOptions {
  readonly bodyLimit: number
  readonly metrics: "open" | "closed"
  readonly magento: boolean
}

export interface HttpOptions {
  readonly host: string
  readonly port: number
  readonly bodyLimit: number
  readonly proxies: number
  readonly cors: readonly string[]
  readonly requestTimeoutMs: number
  readonly tokenLifetimeMs: number
  /** null = the app is without it. */
  readonly api: ApiOptions | null
  /** Somebody said which port: there or nowhere. */
  readonly isPortChosen: boolean
  readonly isRefused: boolean // `http: false`
}

/** What the environment says wins: whoever runs the app knows which port is theirs. */
export function resolveHttp(
  file: string,
  given: unknown,
  env: Readonly<Record<string, string | undefined>> = process.env,
): HttpOptions {
  if (given !== undefined && given !== false && (typeof given !== "object" || given === null))
    throw new ConfigError(`${file}: ${expected("`http` to be an object, or false", given)}`)
  const config: HttpConfig = given || {}
  const [unknown] = Object.keys(config).filter((name) => !NAMES.includes(name))
  if (unknown !== undefined)
    throw new ConfigError(
      `${file}: expected an option of \`http\`, got \`${unknown}\`. There are: ${NAMES.join(", ")}.`,
    )
  const whole = (name: keyof HttpConfig, fallback: number, least: number, most: number): number =>
    wholeNumber(`${file}: \`http.${name}\``, config[name] ?? fallback, least, most)
  return Object.freeze({
    host: hostOf(file, env.HOST || config.host),
    port: env.PORT ? wholeNumber("`PORT`", Number(env.PORT), 0, 65_535) : whole("port", 9_000, 0, 65_535),
    bodyLimit: bytesOf(`${file}: \`http.bodyLimit\``, config.bodyLimit ?? 100 * 1024),
    proxies: whole("proxies", 0, 0, 10),
    cors: originsOf(file, config.cors),
    requestTimeoutMs: whole("requestTimeoutMs", 30_000, 100, LONGEST_TIMER_MS),
    tokenLifetimeMs: whole("tokenLifetimeMs", 24 * 60 * 60 * 1_000, 1_000, Number.MAX_SAFE_INTEGER),
    api: apiOf(file, config.api, env.CARILLON_METRICS),
    isPortChosen: Boolean(env.PORT) || config.port !== undefined,
    isRefused: given === false,
  })
}

const NAMES: readonly string[] = [
  "host",
  "port",
  "bodyLimit",
  "proxies",
  "cors",
  "requestTimeoutMs",
  "tokenLifetimeMs",
  "api",
] satisfies (keyof HttpConfig)[]

function apiOf(file: string, given: unknown = {}, inEnv: string | undefined): ApiOptions | null {
  if (given === false) return null
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw new ConfigError(`${file}: ${expected("`http.api` to be an object, or false", given)}`)
  const {
    bodyLimit = 4 * 1024 * 1024,
    metrics = inEnv || "closed",
    magento = true,
    ...others
  } = given as ApiConfig
  const [unknown] = Object.keys(others)
  if (unknown !== undefined)
    throw new ConfigError(
      `${file}: expected an option of \`http.api\`, got \`${unknown}\`. There are: bodyLimit, metrics, magento.`,
    )
  if (metrics !== "open" && metrics !== "closed")
    throw new ConfigError(`${file}: ${expected('`http.api.metrics` to be "open" or "closed"', metrics)}`)
  if (typeof magento !== "boolean")
    throw new ConfigError(`${file}: ${expected("`http.api.magento` to be true or false", magento)}`)
  return { bodyLimit: bytesOf(`${file}: \`http.api.bodyLimit\``, bodyLimit), metrics, magento }
}

const LONGEST_TIMER_MS = 2 ** 31 - 1

function wholeNumber(what: string, value: unknown, least: number, most: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most)
    return value as number
  throw new ConfigError(expected(`${what} to be a whole number from ${least} to ${most}`, value))
}

function hostOf(file: string, host: unknown = "localhost"): string {
  if (typeof host === "string" && /^[\w.:-]+$/.test(host)) return host
  throw new ConfigError(`${file}: ${expected("`http.host` to be a name or an address", host)}`)
}

function originsOf(file: string, given: unknown = []): readonly string[] {
  const all = Array.isArray(given) ? given : [given]
  const wrong = all.find((each) => !URL.canParse(each) || new URL(each).origin !== each)
  if (wrong === undefined) return all
  throw new ConfigError(
    `${file}: ${expected("`http.cors` to have origins such as `https://shop.example`", wrong)}`,
  )
}
