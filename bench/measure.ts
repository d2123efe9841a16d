import { fork } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, statfsSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Measurement, Result } from "./measurement.ts"

/** How the child process is started, where that differs: flags for a profile, a preloaded library for a slow disk. */
export interface ChildOptions {
  readonly execArgv?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

const CHILD_TIMEOUT_MS = 180_000

/**
 * Runs one measurement in a fresh process, in an empty directory on a real disk, and resolves with what it reports.
 * Rejects when the child fails or takes longer than three minutes.
 */
export async function measure(measurement: Measurement, options: ChildOptions = {}): Promise<Result> {
  const directory = mkdtempSync(join(benchDirectory(), `${measurement.name}-`))
  const child = fork(
    fileURLToPath(new URL("child.ts", import.meta.url)),
    [JSON.stringify([measurement, directory])],
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

  try {
    return await new Promise<Result>((resolve, reject) => {
      let result: Result | null = null
      const timer = setTimeout(() => child.kill("SIGKILL"), CHILD_TIMEOUT_MS)
      child.on("message", (message) => {
        result = message as Result
      })
      child.on("exit", (code, signal) => {
        clearTimeout(timer)
        if (result !== null && code === 0) resolve(result)
        else reject(new Error(`${measurement.name} ended with ${signal ?? code}.\n${output}`))
      })
    })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const TMPFS = 0x0102_1994

/** Where the databases lie: an fsync into a file system in memory would measure nothing. */
export function benchDirectory(): string {
  const temporary =
    statfsSync(tmpdir()).type === TMPFS ? fileURLToPath(new URL("../.tmp", import.meta.url)) : tmpdir()
  const directory = process.env.BENCH_DIR ?? join(temporary, "carillon-bench")
  mkdirSync(directory, { recursive: true })
  if (statfsSync(directory).type === TMPFS) {
    throw new Error(`\`${directory}\` lies in memory. Set BENCH_DIR to a directory on a real disk.`)
  }
  return directory
}
