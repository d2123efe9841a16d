import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import type { ActorPlan } from "./plans.ts"

const ACTOR = join(import.meta.dirname, "actor.ts")

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
    this.#child = fork(ACTOR, [JSON.stringify(plan)], {
      env: { ...process.env, CARILLON_FAULT: "", ...env },
      execArgv: ["--disable-warning=ExperimentalWarning", ...execArgv],
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

  get isOver(): boolean {
    return this.#over
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.#over) this.#child.kill(signal)
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
      throw new Error(
        `Expected ${this.plan.name} to answer \`${what}\`, but it ended (${this.#end}). ${this.#lastWords}`,
      )
    })
    const answer = Promise.race([this.answer<T>(field), died])
    this.tell(what, argument)
    return answer
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

/** The actors of one crash program, on one file and with one book; nobody is left behind. */
export class Troupe {
  readonly folder = mkdtempSync(join(tmpdir(), "carillon-chaos-"))
  readonly database = join(this.folder, "shop.db")
  readonly book = join(this.folder, "book")
  readonly startedAt = performance.now()
  readonly #env: Record<string, string>
  readonly #actors: Actor[] = []
  readonly #mostRepeated: number
  kills = 0

  constructor({ recovery = true, mostRepeated = 400 }: { recovery?: boolean; mostRepeated?: number } = {}) {
    this.#env = recovery ? {} : { CARILLON_FAULT: "recovery.off" }
    this.#mostRepeated = mostRepeated
  }

  start(
    plan: Omit<ActorPlan, "database" | "book" | "mostRepeated">,
    { fault, execArgv }: { fault?: string; execArgv?: readonly string[] } = {},
  ): Actor {
    const faults = [this.#env.CARILLON_FAULT, fault].filter(Boolean).join(",")
    const whole = {
      ...plan,
      database: this.database,
      book: this.book,
      mostRepeated: this.#mostRepeated,
    }
    const actor = new Actor(whole, { CARILLON_FAULT: faults }, execArgv)
    this.#actors.push(actor)
    return actor
  }

  get mostRepeated(): number {
    return this.#mostRepeated
  }

  get seconds(): number {
    return (performance.now() - this.startedAt) / 1_000
  }

  async close(): Promise<void> {
    await Promise.all(this.#actors.map((actor) => actor.kill()))
    if (process.env.CARILLON_CHAOS_KEEP) console.error(`kept: ${this.folder}`)
    else rmSync(this.folder, { recursive: true, force: true })
  }
}
