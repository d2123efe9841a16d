import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { delimiter, join } from "node:path"
import { describe } from "vitest"
import { skipAloud } from "./describe.ts"
import { freePort, until } from "./programs.ts"

/** moto's server, which plays Amazon's services; undefined = it is not installed. */
const PROGRAM = (process.env.PATH ?? "")
  .split(delimiter)
  .map((folder) => join(folder, "moto_server"))
  .find((path) => existsSync(path))

/** `describe` where moto's server is installed; elsewhere its tests are skipped aloud. */
export function describeMoto(title: string, body: () => void): void {
  if (PROGRAM !== undefined) describe(title, body)
  else skipAloud(title, "moto is not installed (pip install 'moto[server]')", body)
}

/** Amazon's services at a free port, without anything in them. */
export async function startMoto(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const port = await freePort()
  const server = spawn(String(PROGRAM), ["-H", "127.0.0.1", "-p", String(port)], {
    stdio: "ignore",
    detached: true,
  })
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()))
  const url = `http://127.0.0.1:${port}`
  const stop = async (): Promise<void> => {
    if (server.pid !== undefined) process.kill(-server.pid, "SIGTERM") // a launcher may have started it
    await ended
  }
  try {
    await until(async () => (await fetch(`${url}/moto-api/`)).ok, 60_000)
  } catch (error) {
    await stop()
    throw error
  }
  return { url, stop }
}
