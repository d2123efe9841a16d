import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { Measurement, Place, Result } from "./measurement.ts"
import type { Store } from "./store.ts"

/** How the child process is started, where that differs: flags for a profile, a preloaded library for a slow disk. */
export interface ChildOptions {
  readonly execArgv?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Called before the child starts, and when it has ended well, while its place is still there. */
  readonly before?: (place: Place) => Promise<void>
  readonly after?: (place: Place, result: Result) => Promise<void>
}

const CHILD_TIMEOUT_MS = 180_000

/**
 * Runs one measurement in a fresh process, in a place of its own, and resolves with what it reports. Rejects when the
 * child fails or takes three minutes longer than it is meant to.
 */
export async function measure(
  measurement: Measurement,
  store: Store,
  options: ChildOptions = {},
): Promise<Result> {
  const { close, ...place } = await store.open(measurement)
  try {
    await options.before?.(place)
    const result = await runChild(measurement, place, options)
    await options.after?.(place, result)
    return result
  } finally {
    await close()
  }
}

async function runChild(measurement: Measurement, place: Place, options: ChildOptions): Promise<Result> {
  const child = fork(
    fileURLToPath(new URL("child.ts", import.meta.url)),
    [JSON.stringify([measurement, place])],
    {
      execArgv: ["--expose-gc", "--no-warnings", ...(options.execArgv ?? [])],
      env: { ...process.env, ...options.env },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    },
  )
  let output = ""
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4_000)
    })
  }

  return new Promise<Result>((resolve, reject) => {
    let result: Result | null = null
    const timer = setTimeout(() => child.kill("SIGKILL"), CHILD_TIMEOUT_MS + 2_000 * measurement.seconds)
    child.on("message", (message) => {
      result = message as Result
    })
    child.on("exit", (code, signal) => {
      clearTimeout(timer)
      if (result !== null && code === 0) resolve(result)
      else reject(new Error(`${measurement.name} ended with ${signal ?? code}.\n${output}`))
    })
  })
}
