import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { until } from "../support/programs.ts"

const ROOT = join(import.meta.dirname, "../..")

export interface Serving {
  readonly database: string
  readonly port: number
  readonly secret: string
}

/** `carillon serve` as a process of its own, to be killed. */
export class HttpServer {
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown>
  readonly #port: number
  #isOver = false
  #lastWords = ""

  constructor({ database, port, secret }: Serving, fault = "") {
    this.#port = port
    const args = [
      "src/cli/main.ts",
      "serve",
      "--database",
      database,
      "--host",
      "127.0.0.1",
      "--port",
      `${port}`,
    ]
    this.#child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...args], {
      cwd: ROOT,
      env: { ...process.env, CARILLON_SECRET: secret, CARILLON_FAULT: fault },
      stdio: ["ignore", "pipe", "pipe"],
    })
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#lastWords = (this.#lastWords + text).slice(-2_000)
      })
    this.#ended = once(this.#child, "exit").then(() => {
      this.#isOver = true
    })
  }

  /** It answers, or is gone already. @throws Error when it does neither for long */
  async ready(): Promise<void> {
    const answers = () =>
      fetch(`http://127.0.0.1:${this.#port}/ready`, { signal: AbortSignal.timeout(1_000) }).then(
        ({ ok }) => ok,
        () => false,
      )
    await until(async () => this.#isOver || (await answers()), 30_000).catch((cause) => {
      throw new Error(`The server does not answer. ${this.#lastWords}`, { cause })
    })
  }

  /** Until it has died of itself, or so long. */
  async over(withinMs: number): Promise<void> {
    await Promise.race([this.#ended, sleep(withinMs, undefined, { ref: false })])
  }

  /** SIGKILL, and the process is gone when this resolves. */
  async kill(): Promise<void> {
    if (!this.#isOver) this.#child.kill("SIGKILL")
    await this.#ended
  }

  /** As whoever runs it does; resolves to how it ended. */
  async stop(): Promise<string> {
    this.#child.kill("SIGTERM")
    await this.over(15_000)
    const { exitCode, signalCode } = this.#child
    await this.kill()
    return exitCode === 0 ? "well" : `${exitCode ?? signalCode}: ${this.#lastWords}`
  }
}
