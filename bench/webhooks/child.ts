import { type ChildProcess, fork } from "node:child_process"
import { fileURLToPath } from "node:url"

/** A process of the benchmark, which answers each message with one. */
export class Child {
  readonly #process: ChildProcess
  readonly #ended: Promise<void>
  #answer = Promise.withResolvers<unknown>()

  constructor(file: string, args: readonly string[] = []) {
    this.#process = fork(fileURLToPath(new URL(file, import.meta.url)), args)
    this.#process.on("message", (message) => this.#answer.resolve(message))
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#ended = promise
    this.#process.on("exit", (code) => {
      this.#answer.reject(new Error(`A process of the benchmark ended with ${code}.`))
      resolve()
    })
    // Whoever waits for an answer is told; an end that was asked for is none.
    this.#answer.promise.catch(() => undefined)
  }

  /** What it says first, or next. */
  async next<T>(): Promise<T> {
    const message = await this.#answer.promise
    this.#answer = Promise.withResolvers()
    this.#answer.promise.catch(() => undefined)
    return message as T
  }

  ask<T>(message: unknown): Promise<T> {
    this.#process.send(message as never)
    return this.next<T>()
  }

  async end(): Promise<void> {
    if (this.#process.connected) this.#process.send("end")
    await this.#ended
  }
}
