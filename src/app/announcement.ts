import type { Carillon } from "../carillon.ts"
import { commandLine, shownDatabase } from "./command.ts"
import type { Route } from "./http/route.ts"
import type { LoadedApp } from "./load.ts"

export interface Announced {
  readonly loaded: LoadedApp
  readonly carillon: Carillon
  /** As it may be shown. */
  readonly database: string
  readonly url: string | null
}

/** Says what an app consists of, and where it is found. */
export async function announce({ loaded, carillon, database, url }: Announced): Promise<void> {
  const { logger, group } = carillon
  const { subscribers, jobs, api } = loaded
  const where = database === ":memory:" ? "in memory" : `in ${shownDatabase(database)}`
  logger.info(`Events are kept ${where}; the group is ${group}.`)
  for (const { id, events, file } of subscribers)
    logger.info(`Subscriber ${id} listens to ${events.join(", ")} (${file})`)
  for (const { name, file } of jobs) logger.info(`Job ${name} runs by its schedule (${file})`)
  if (subscribers.length + jobs.length + api.routes.length === 0)
    logger.warn("There is no subscriber in src/subscribers yet.")
  if (url === null) return
  const what = api.routes.length === 0 ? "no routes yet" : counted(api.routes.length, "route")
  logger.info(`HTTP is answered at ${url}, with ${what} of src/api`)
  if (api.routes.some(needsUser) && (await carillon.users.list()).length === 0)
    logger.warn(`Nobody can log in yet. ${howToCreateUser(database)}`)
}

function needsUser({ path, authenticate }: Route): boolean {
  return authenticate && /^\/admin(?:\/|$)/.test(path)
}

function howToCreateUser(database: string): string {
  if (database === ":memory:") return "Set CARILLON_ADMIN_EMAIL and CARILLON_ADMIN_PASSWORD, and start again."
  return `Create a user:\n  ${commandLine(database, ["user", "create", "admin@shop.example"])}`
}

function counted(count: number, word: string): string {
  return count === 1 ? `1 ${word}` : `${count} ${word}s`
}
