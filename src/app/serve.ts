import { createCarillon } from "../carillon.ts"
import { Listener } from "../http/listener.ts"
import { resolveOptions } from "../options.ts"
import { createServer } from "../server/create.ts"
import { writtenProblem } from "../server/problem.ts"
import { shownDatabase } from "./command.ts"
import { Ending } from "./ending.ts"
import { greet } from "./greeting.ts"
import { resolveHttp } from "./http/options.ts"
import { ensureAdmin } from "./http/sign-in.ts"
import { appLogger, logError } from "./log.ts"

export interface ServeOptions {
  /** @defaultValue `CARILLON_DATABASE`, else `file:.carillon/carillon.db` */
  readonly database?: string
  /** Whose subscriptions are meant where a request names no group. */
  readonly group?: string
  readonly host?: string
  readonly port?: number
  readonly proxies?: number
  readonly cors?: readonly string[]
}

/** Those that end with the process get so long. */
const GRACE_MS = 10_000

/**
 * Answers with the API alone until it is asked to end, and resolves to the exit code: it emits and tells, and
 * apps on the same store handle.
 */
export async function serve(options: ServeOptions): Promise<number> {
  const logger = appLogger({ mode: "start", level: "info" })
  const ending = new Ending(() => logger)
  try {
    return await listen(options, logger, ending)
  } catch (error) {
    logError(logger, error)
    return 1
  } finally {
    ending.dispose()
  }
}

async function listen(
  { database, group, ...given }: ServeOptions,
  logger: ReturnType<typeof appLogger>,
  ending: Ending,
): Promise<number> {
  const { PORT, HOST, CARILLON_METRICS } = process.env
  // What is said on the command line wins over the environment.
  const env = {
    PORT: given.port === undefined ? PORT : undefined,
    HOST: given.host === undefined ? HOST : undefined,
    CARILLON_METRICS,
  }
  const http = resolveHttp("carillon serve", { ...given, host: given.host || undefined }, env)
  const carillon = await createCarillon({ database, group, logger })
  try {
    await carillon.identity.keys.ring() // a server that could let nobody in does not start
    await ensureAdmin(carillon.users)
    const server = createServer(carillon, { ...http, ...(http.api ?? {}) })
    const listener = await Listener.open({ ...http, refusal: writtenProblem }, server)
    logger.info(`Events are kept in ${shownDatabase(resolveOptions({ database, group }).database)}.`)
    logger.info(`The API is at ${listener.url}/api, and what it can at ${listener.url}/api/docs`)
    await greet(carillon, listener.url)
    const code = await ending.asked
    await Promise.all([server.close(GRACE_MS), listener.close(GRACE_MS)])
    return code
  } finally {
    await carillon.stop()
  }
}
