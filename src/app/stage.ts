import { relative } from "node:path"
import type { Logger } from "pino"
import type { HandlerLogger } from "../bus/events.ts"
import { resolveOptions } from "../options.ts"
import { workflowRegistry } from "../runs/registry.ts"
import { storeAnswers } from "../server/store-answers.ts"
import { announce } from "./announcement.ts"
import { App } from "./app.ts"
import { commandLine } from "./command.ts"
import { receiptsIn, type StartedApp } from "./config.ts"
import { greet } from "./greeting.ts"
import { HttpServer } from "./http/server.ts"
import { type LoadedApp, type LoadOptions, loadApp } from "./load.ts"
import { logError } from "./log.ts"
import { whenSettled } from "./settled.ts"

/** How long the events of `onStart` are looked after. */
const SETTLE_WITHIN_MS = 60_000

/** Where one version of an app after the other runs. */
export class Stage {
  readonly #load: LoadOptions
  readonly #once: boolean
  readonly #ownLogger: Logger
  readonly #server = new HttpServer()
  #loaded: LoadedApp | null = null
  #app: App | null = null
  #watching = new AbortController() // ended when the app that it looks at stops
  #emitted: readonly string[] = []
  #turn: Promise<unknown> = Promise.resolve()
  #isClosed = false

  constructor(load: LoadOptions, once: boolean, ownLogger: Logger) {
    this.#load = load
    this.#once = once
    this.#ownLogger = ownLogger
  }

  get logger(): HandlerLogger {
    return this.#app?.carillon.logger ?? this.#ownLogger
  }

  /** Every file of the app that runs. */
  get files(): readonly string[] {
    return this.#loaded?.files ?? []
  }

  /** Loads the app, starts it and lets it do its first act. */
  async open(): Promise<void> {
    await this.#inTurn(async () => this.#begin(await loadApp(this.#load)))
    await this.#announce()
    if (this.#load.mode === "dev" && !this.#once)
      this.logger.info("Change a file and it is taken up; Ctrl-C ends the app.")
    await this.#greet()
    await this.#runOnStart(this.#once ? "once" : "start")
  }

  /** Brings the new version on; where it cannot be, the one before stays or comes back. */
  async reload(changed: readonly string[]): Promise<void> {
    try {
      const isNew = await this.#inTurn(() => this.#replace(changed))
      if (!isNew) return
      await this.#announce()
      await this.#runOnStart("reload")
      await this.settled()
    } catch (error) {
      logError(this.logger, error)
    }
  }

  /** The last act: what comes after it does nothing. */
  close(): Promise<void> {
    return this.#inTurn(async () => {
      this.#isClosed = true
      await this.#server.close(this.#graceMs())
      await this.#stop()
    })
  }

  /**
   * What became of the events that `onStart` emitted; true when each was delivered. Where it emitted
   * none and the app runs once, all that is due counts.
   */
  async settled(): Promise<boolean> {
    const carillon = this.#app?.carillon
    if (carillon === undefined) return false
    const { signal } = this.#watching
    let isDelivered = true
    try {
      if (this.#once && this.#emitted.length === 0) await carillon.drain()
      for (const id of this.#emitted) {
        const settlement = await whenSettled(carillon, id, { timeoutMs: SETTLE_WITHIN_MS, signal })
        const text = `${settlement.summary} ${this.#whereToLook(id)}`
        if (settlement.isDelivered) this.logger.info(text)
        else this.logger.error(text)
        isDelivered &&= settlement.isDelivered
      }
    } catch (error) {
      if (!signal.aborted) throw error
      return false // the app stopped meanwhile, and with it our window on it
    }
    return isDelivered
  }

  /** One change of scene at a time. */
  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(act)
    this.#turn = turn.catch(() => {})
    return turn
  }

  async #replace(changed: readonly string[]): Promise<boolean> {
    const before = this.#loaded
    if (this.#isClosed || before === null) return false
    const workflows = workflowRegistry.all()
    try {
      // The app that runs must not take up runs by definitions that it did not start with.
      const { loaded: next, composed } = await workflowRegistry.aside(() => loadApp(this.#load))
      this.logger.info(`Changed: ${changed.map((file) => relative(this.#load.folder, file)).join(", ")}`)
      await this.#server.exchange(this.#graceMs())
      await this.#stop()
      workflowRegistry.replace(composed)
      await this.#begin(next)
      return true
    } catch (error) {
      logError(this.logger, error)
      workflowRegistry.replace(workflows)
      if (this.#app === null) await this.#begin(before)
      this.logger.warn("The version before this change goes on.")
      return false
    }
  }

  async #stop(): Promise<void> {
    const app = this.#app
    this.#app = null
    this.#watching.abort()
    await app?.stop()
  }

  async #begin(loaded: LoadedApp): Promise<void> {
    if (this.#isClosed) return
    this.#ownLogger.level = loaded.config.logLevel
    for (const warning of loaded.warnings) this.logger.warn(warning)
    const { http } = loaded.config
    const answersHttp = !this.#once && !http.isRefused
    // It listens first: whoever asks for its health while the app starts gets an answer.
    await this.#server.listen(answersHttp ? http : null)
    if (answersHttp && this.#server.isElsewhere)
      this.logger.warn(
        `Port ${http.port} is taken, and nobody said that it has to be that one: another is used.`,
      )
    const { mode } = this.#load
    const isOnce = this.#once
    const app = await App.start(loaded, { logger: this.#ownLogger, mode, answersHttp, isOnce })
    if (app.door !== null) this.#server.open(app.door, app.api, () => storeAnswers(app.carillon))
    this.#app = app
    this.#loaded = loaded
    this.#watching = new AbortController()
    this.#emitted = []
  }

  async #announce(): Promise<void> {
    if (this.#app === null || this.#loaded === null) return // stopped meanwhile
    const { carillon } = this.#app
    await announce({ loaded: this.#loaded, carillon, database: this.#database(), url: this.#server.url })
  }

  /** Whoever starts it for the first time gets a way in. */
  async #greet(): Promise<void> {
    if (this.#app === null || this.#app.api === null || this.#server.url === null) return
    await greet(this.#app.carillon, this.#server.url)
  }

  async #runOnStart(occasion: StartedApp["occasion"]): Promise<void> {
    if (this.#app === null) return // stopped meanwhile
    const { carillon, container } = this.#app
    const command = (...words: string[]): string => commandLine(this.#database(), words)
    const returned = await this.#loaded?.config.onStart({
      carillon,
      container,
      occasion,
      command,
      url: this.#server.url,
    })
    this.#emitted = receiptsIn(returned).map((receipt) => receipt.id)
  }

  #database(): string {
    return resolveOptions((this.#loaded as LoadedApp).config.carillon).database
  }

  #graceMs(): number {
    return this.#loaded === null ? 0 : resolveOptions(this.#loaded.config.carillon).graceMs
  }

  #whereToLook(id: string): string {
    const database = this.#database()
    return database === ":memory:" ? "" : `Look at it with:\n  ${commandLine(database, ["trace", id])}`
  }
}
