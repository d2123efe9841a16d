import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import type { Engine } from "../../src/engine/engine.ts"
import { testDatabase } from "../support/postgres.ts"
import type { ActorPlan } from "./plans.ts"
import { type EngineName, openStore } from "./store.ts"

const ACTOR = join(import.meta.dirname, "actor.ts")
const SHIFTED_CLOCK = join(import.meta.dirname, "shifted-clock.ts")

/** One child process that plays an actor's plan. */
export class Actor {
  readonly plan: ActorPlan
  readonly ready: Promise<boolean> // false = it died before
  readonly ended: Promise<void>
  readonly #child: ChildProcess
  #over = false
  #end = ""
  #lastWords = ""

  constructor(plan: ActorPlan, env: Record<string, string>, execArgv: readonly string[] = []) {
    this.plan = plan
    const { clockShiftMs = 0 } = plan
    const shifted = clockShiftMs === 0 ? [] : ["--import", SHIFTED_CLOCK]
    this.#child = fork(ACTOR, [JSON.stringify(plan)], {
      env: { ...process.env, CARILLON_FAULT: "", CARILLON_CHAOS_SHIFT_MS: `${clockShiftMs}`, ...env },
      execArgv: ["--disable-warning=ExperimentalWarning", ...shifted, ...execArgv],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    })
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-2_000)
    })
    this.#child.setMaxListeners(0)
    this.ended = once(this.#child, "exit").then(([code, signal]) => {
      this.#end = `${code ?? signal}`
      this.#over = true
    })
    this.ready = Promise.race([
      this.answer<{ ready: true }>("ready").then(() => true),
      this.ended.then(() => false),
    ])
  }

  /** As it signs in the book. */
  get who(): string {
    return `${this.plan.name}.${this.#child.pid}`
  }

  get isOver(): boolean {
    return this.#over
  }

  /** How it ended and what it said last, for those who did not expect it. */
  get obituary(): string {
    return `${this.plan.name} ended (${this.#end}). ${this.#lastWords}`
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.#over) this.#child.kill(signal)
  }

  /** @throws Error with its last words when it dies before it has begun */
  async begun(): Promise<void> {
    if (!(await this.ready)) throw new Error(`Expected \`${this.plan.name}\` to begin. ${this.obituary}`)
  }

  /** SIGKILL, and the process is gone when this resolves. */
  async kill(): Promise<void> {
    this.signal("SIGKILL")
    await this.ended
  }

  tell(what: string, argument?: unknown): void {
    if (!this.#over && this.#child.connected) this.#child.send({ do: what, argument }, () => {})
  }

  /** The next message that has this field. */
  answer<T>(field: string): Promise<T> {
    return new Promise((resolve) => {
      const listen = (message: unknown) => {
        if (!(field in (message as object))) return
        this.#child.off("message", listen)
        resolve(message as T)
      }
      this.#child.on("message", listen)
    })
  }

  ask<T>(what: string, field: string, argument?: unknown): Promise<T> {
    const died = this.ended.then(() => {
      throw new Error(`Expected an answer to \`${what}\`. ${this.obituary}`)
    })
    const answer = Promise.race([this.answer<T>(field), died])
    this.tell(what, argument)
    return answer
  }

  /** It emits nothing more: what it was about to emit is acknowledged or refused. A dead one is silent. */
  async hush(): Promise<void> {
    await Promise.race([this.ask("hush", "hushed"), this.ended])
  }

  /** Does its event loop turn? */
  async answers(withinMs: number): Promise<boolean> {
    const pong = this.ask("ping", "pong").then(
      () => true,
      () => false,
    )
    return Promise.race([pong, sleep(withinMs, false, { ref: false })])
  }

  /** A clean stop; killed when it does not come to an end. */
  async stop(): Promise<void> {
    this.tell("stop")
    await Promise.race([this.ended, sleep(5_000, undefined, { ref: false })])
    await this.kill()
  }
}

export interface TroupeOptions {
  /** @defaultValue "sqlite" */
  readonly engine?: EngineName
  /** Where the store is, for programs that bring it themselves. @defaultValue a new one */
  readonly database?: string
  readonly recovery?: boolean
  readonly mostRepeated?: number
}

/** An actor's plan; the troupe adds what all its actors have in common. */
export type Role = Omit<ActorPlan, "database" | "book" | "mostRepeated"> & { readonly database?: string }

/** The actors of one crash program, on one store and with one book; nobody is left behind. */
export class Troupe {
  readonly database: string
  readonly book: string
  readonly mostRepeated: number
  readonly startedAt = performance.now()
  readonly #folder: string
  readonly #drop: () => Promise<void>
  readonly #env: Record<string, string>
  readonly #actors: Actor[] = []
  #store: Promise<Engine> | null = null
  #closed = false
  kills = 0

  private constructor(
    folder: string,
    { url, drop }: { readonly url: string; drop(): Promise<void> },
    { recovery = true, mostRepeated = 400 }: TroupeOptions,
  ) {
    this.#folder = folder
    this.book = join(folder, "book")
    this.database = url
    this.#drop = drop
    this.#env = recovery ? {} : { CARILLON_FAULT: "recovery.off" }
    this.mostRepeated = mostRepeated
    writeFileSync(this.book, "")
  }

  static async gather(options: TroupeOptions = {}): Promise<Troupe> {
    const folder = mkdtempSync(join(tmpdir(), "carillon-chaos-"))
    const own = { url: options.database ?? join(folder, "shop.db"), drop: async () => {} }
    const isServed = options.engine === "postgres" && options.database === undefined
    return new Troupe(folder, isServed ? await testDatabase("chaos") : own, options)
  }

  /** The store, opened beside the actors, to look at and to steer. */
  store(): Promise<Engine> {
    this.#store ??= openStore(this.database)
    return this.#store
  }

  start(plan: Role, { fault, execArgv }: { fault?: string; execArgv?: readonly string[] } = {}): Actor {
    const faults = [this.#env.CARILLON_FAULT, fault].filter(Boolean).join(",")
    const whole = { database: this.database, ...plan, book: this.book, mostRepeated: this.mostRepeated }
    const actor = new Actor(whole, { CARILLON_FAULT: faults }, execArgv)
    this.#actors.push(actor)
    return actor
  }

  get isClosed(): boolean {
    return this.#closed
  }

  get seconds(): number {
    return (performance.now() - this.startedAt) / 1_000
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#actors.map((actor) => actor.kill()))
    await (await this.#store?.catch(() => null))?.close()
    if (process.env.CARILLON_CHAOS_KEEP) {
      console.error(`kept: ${this.#folder} (${this.database})`)
      return
    }
    await this.#drop()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
