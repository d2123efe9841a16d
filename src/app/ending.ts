import { constants } from "node:os"
import type { HandlerLogger } from "../bus/events.ts"

/** How the process is asked to end: by a signal, or by an error that nobody handled. */
export class Ending {
  /** Resolves with the exit code when the end is asked for. */
  readonly asked: Promise<number>
  readonly #logger: () => HandlerLogger
  readonly #ask: (code: number) => void
  #isAsked = false

  constructor(logger: () => HandlerLogger) {
    this.#logger = logger
    const { promise, resolve } = Promise.withResolvers<number>()
    this.asked = promise
    this.#ask = resolve
    process.on("SIGTERM", this.#onSignal)
    process.on("SIGINT", this.#onSignal)
    process.on("unhandledRejection", this.#onError)
    process.on("uncaughtException", this.#onError)
  }

  get isAsked(): boolean {
    return this.#isAsked
  }

  /** From here on the process dies of signals and errors as any other does. */
  dispose(): void {
    process.off("SIGTERM", this.#onSignal)
    process.off("SIGINT", this.#onSignal)
    process.off("unhandledRejection", this.#onError)
    process.off("uncaughtException", this.#onError)
  }

  /** The second signal is from somebody who does not want to wait. */
  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (this.#isAsked) process.exit(128 + constants.signals[signal])
    this.#end(0)
    this.#logger().info(`${signal}: finishing what runs, then stopping. Once more ends it at once.`)
  }

  /** Who failed is unknown, and with it what state the process is in: it stops in order, and says so. */
  readonly #onError = (error: unknown): void => {
    if (this.#isAsked) process.exit(1)
    this.#end(1)
    const failure = error instanceof Error ? error : new Error(String(error))
    this.#logger().error({ err: failure }, `Nobody handled this error, so the app stops: ${failure.message}`)
  }

  #end(code: number): void {
    this.#isAsked = true
    this.#ask(code)
  }
}
