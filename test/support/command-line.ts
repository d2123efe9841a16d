import { vi } from "vitest"

export interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
}

const program = new URL("../../src/cli/main.ts", import.meta.url).pathname
let runs = 0

/**
 * The command line, run here: a process for each verb takes a second on a busy machine. One at a time, and only
 * what ends by itself: `process.exit` would be ours.
 */
export async function runHere(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Said> {
  const { argv, exitCode } = process
  const [out, err] = [spy("log"), spy("error")]
  for (const [name, value] of Object.entries({ ...BARE, ...env })) vi.stubEnv(name, value)
  process.argv = ["node", "carillon", ...args]
  process.exitCode = 0
  const listeners = process.stdout.listeners("error")
  try {
    await import(/* @vite-ignore */ `${program}?run=${++runs}`)
    return { code: Number(process.exitCode), out: out.text(), err: err.text() }
  } finally {
    for (const each of process.stdout.listeners("error"))
      if (!listeners.includes(each)) process.stdout.off("error", each as () => void)
    process.argv = argv
    process.exitCode = exitCode
    vi.unstubAllEnvs()
    for (const each of [out, err]) each.end()
  }
}

const BARE = { CARILLON_DATABASE: "", CARILLON_URL: "", CARILLON_TOKEN: "", NO_COLOR: "1" }

function spy(method: "log" | "error") {
  const spied = vi.spyOn(console, method).mockImplementation(() => {})
  return {
    text: () => spied.mock.calls.map((words) => `${words.join(" ")}\n`).join(""),
    end: () => spied.mockRestore(),
  }
}
