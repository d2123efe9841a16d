import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { afterEach } from "vitest"

const root = resolve(import.meta.dirname, "../..")
const cli = join(root, "src/cli/main.ts")
const cleanups: (() => unknown)[] = []

/** Ends what a test leaves behind: processes, folders, and whatever it hands over. */
export function cleanUp(clean: () => unknown): void {
  cleanups.push(clean)
}

afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

/** An app of these files in a folder of its own; it may import what this repository has installed. */
export function appOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "carillon-e2e-"))
  cleanUp(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  write(folder, { "package.json": '{ "name": "shop" }', ...files })
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction")
  return folder
}

export function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}

export interface Running {
  readonly child: ChildProcess
  readonly exit: Promise<{ code: number | null; output: string }>
  /** Resolves when the process has written this, after what the last call waited for. */
  says(text: string | RegExp): Promise<string>
}

/** The command line as a process of its own; `input` is what it reads. */
export function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input: string | null = null,
): Running {
  const child = spawn(process.execPath, [cli, ...args], {
    cwd: root,
    env: { ...process.env, ...UNSET, ...env },
    stdio: [input === null ? "ignore" : "pipe", "pipe", "pipe"],
  })
  cleanUp(() => child.kill("SIGKILL"))
  child.stdin?.end(input)
  let output = ""
  let seen = 0
  let look = (): void => {}
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk
      look()
    })
  const exit = new Promise<{ code: number | null; output: string }>((done) => {
    child.on("close", (code) => {
      done({ code, output })
      look()
    })
  })
  const says = (text: string | RegExp): Promise<string> =>
    new Promise((done, fail) => {
      look = () => {
        const match =
          typeof text === "string" ? output.indexOf(text, seen) : output.slice(seen).search(text) + seen
        if (match >= seen) {
          seen = match + 1
          done(output.slice(match))
        } else if (child.exitCode !== null) fail(new Error(`It ended without saying ${text}:\n${output}`))
      }
      look()
    })
  return { child, exit, says }
}

/** What the machine that runs the tests says of itself is not what they are about. */
const UNSET = {
  CARILLON_LOG: "",
  CARILLON_DATABASE: "",
  CARILLON_SECRET: "",
  CARILLON_ADMIN_EMAIL: "",
  CARILLON_ADMIN_PASSWORD: "",
  HOST: "",
  PORT: "0",
  CARILLON_METRICS: "",
}
