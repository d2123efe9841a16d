import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { freePort, until } from "../../test/support/programs.ts"
import { requireFrom } from "../peers.ts"

/** A Restate server of a measurement's own: one node with its defaults, on loopback, its data in a given directory. */
export interface RestateServer {
  readonly ingress: string
  readonly admin: string
  /** Processor time so far, in milliseconds; 0 where the system does not tell. */
  cpuMs(): number
  stop(): Promise<void>
}

export async function startRestate(directory: string): Promise<RestateServer> {
  const [ingress, admin, node] = [await freePort(), await freePort(), await freePort()]
  const server = spawn("/bin/sh", ["-c", MINDED, "restate", restateProgram()], {
    cwd: directory,
    env: { ...process.env, ...settings(directory, { ingress, admin, node }) },
    stdio: ["pipe", "ignore", "pipe"],
  })
  const lastWords = collect(server)
  const urls = { ingress: `http://127.0.0.1:${ingress}`, admin: `http://127.0.0.1:${admin}` }
  await until(async () => {
    if (server.exitCode !== null) throw new Error("It ended.")
    const answers = await Promise.all([
      fetch(`${urls.admin}/health`),
      fetch(`${urls.ingress}/restate/health`),
    ])
    return answers.every(({ ok }) => ok)
  }, 60_000).catch((cause) => {
    throw new Error(`Restate does not start. ${lastWords()}`, { cause })
  })
  const pid = Number(readFileSync(join(directory, PID_FILE), "utf8"))

  return { ...urls, cpuMs: () => cpuMsOf(pid), stop: () => stop(server) }
}

const PID_FILE = "restate.pid"

/** When this process is gone, however it went, its end of the pipe is closed and the server is killed. */
const MINDED = `
"$1" &
server=$!
echo $server > ${PID_FILE}
read -r _
kill -9 $server
wait $server
`

function settings(directory: string, ports: Record<"ingress" | "admin" | "node", number>) {
  return {
    RESTATE_BASE_DIR: join(directory, "restate-data"),
    RESTATE_NODE_NAME: "bench",
    RESTATE_LISTEN_MODE: "tcp",
    RESTATE_BIND_ADDRESS: `127.0.0.1:${ports.node}`,
    RESTATE_ADVERTISED_ADDRESS: `http://127.0.0.1:${ports.node}`,
    RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${ports.admin}`,
    RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ports.ingress}`,
    RESTATE_DISABLE_TELEMETRY: "true",
    RESTATE_LOG_FILTER: "error",
    // It leaves files there.
    TMPDIR: directory,
  }
}

/** The package for this machine's system and processor, which the server's package asks for. */
function restateProgram(): string {
  const name = `@restatedev/restate-server-${process.platform}-${process.arch}`
  const program = join(requireFrom("restate").resolve(`${name}/package.json`), "../bin/restate-server")
  if (!existsSync(program)) throw new Error(`Expected Restate's server in ${name}, found none.`)
  return program
}

function collect(server: ChildProcess): () => string {
  let words = ""
  server.stderr?.setEncoding("utf8").on("data", (text: string) => {
    words = (words + text).slice(-2_000)
  })
  return () => words
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return
  const ended = new Promise((resolve) => server.once("exit", resolve))
  server.stdin?.end()
  await ended
}

/** Of all its threads, in ticks of a hundredth of a second. */
function cpuMsOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return 0 // No such file on this system.
  }
}
