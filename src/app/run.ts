import { existsSync, statSync } from "node:fs"
import { resolve } from "node:path"
import { ConfigError } from "../core/errors.ts"
import { Ending } from "./ending.ts"
import { appLogger, logError } from "./log.ts"
import { Stage } from "./stage.ts"
import { type Watcher, watchApp } from "./watch.ts"

export interface RunOptions {
  /** The app's folder: where `carillon.config.ts` and `src/subscribers` are. */
  readonly dir: string
  /** `dev` takes changed files up and writes for people; `start` is for production. */
  readonly mode: "dev" | "start"
  /** End when the events that the app emits at its start are settled. @defaultValue false */
  readonly once?: boolean
  /** Wins over the app's configuration and the environment. */
  readonly database?: string
}

/**
 * Runs an app from its files until it is asked to end, and resolves to the exit code. End the process
 * with it: what the app itself left open (a timer, a socket) would keep it alive.
 *
 * SIGTERM and SIGINT let handlers end within the grace time, hand the rest back, and give 0; a second one
 * exits at once. It gives 1 when the app cannot start, when an error went unhandled, and, with `once`,
 * when an event was not delivered within a minute.
 */
export async function runApp({ dir, mode, once = false, database }: RunOptions): Promise<number> {
  const folder = resolve(dir)
  const ownLogger = appLogger({ mode, level: "info" })
  const stage = new Stage({ folder, mode, database }, once, ownLogger)
  const ending = new Ending(() => stage.logger)
  let code: number
  try {
    checkFolder(folder)
    const takeUp = async (files: readonly string[]): Promise<void> => {
      await stage.reload(files)
      watcher?.follow(stage.files)
    }
    const watcher: Watcher | null = mode === "dev" && !once ? await watchApp(folder, takeUp) : null
    code = await Promise.race([once ? playOnce(stage) : play(stage, watcher), ending.asked])
    if (once && ending.isAsked) code = 1 // nobody can say what became of its event
    await watcher?.close()
  } catch (error) {
    logError(ownLogger, error)
    code = 1
  }
  try {
    await stage.close()
  } catch (error) {
    logError(ownLogger, error)
    code = 1
  }
  ending.dispose()
  return code
}

async function playOnce(stage: Stage): Promise<number> {
  await stage.open()
  return (await stage.settled()) ? 0 : 1
}

/** Runs until the end is asked for. */
async function play(stage: Stage, watcher: Watcher | null): Promise<never> {
  await stage.open()
  watcher?.follow(stage.files)
  await stage.settled()
  return new Promise<never>(() => {})
}

function checkFolder(folder: string): void {
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new ConfigError(`Expected the folder of an app, got ${folder}, which is none.`)
}
