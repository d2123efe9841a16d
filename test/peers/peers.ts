import { spawnSync } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { fileURLToPath } from "node:url"

const folder = new URL("./medusa/", import.meta.url)

/** Installs Medusa's packages in their own folder when they are not there. Null = they are there; else why not. */
export function installMedusa(): string | null {
  const installed = new URL("node_modules/.installed", folder)
  const lockfile = readFileSync(new URL("package-lock.json", folder), "utf8")
  if (existsSync(installed) && readFileSync(installed, "utf8") === lockfile) return null

  console.log("Installing Medusa's workflow packages in test/peers/medusa (once, some 300 MB) …")
  const { status, stderr } = spawnSync(
    "npm",
    ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
    { cwd: fileURLToPath(folder), encoding: "utf8", shell: process.platform === "win32" },
  )
  if (status !== 0) return `Medusa's packages could not be installed: ${inShort(stderr ?? "")}`
  writeFileSync(installed, lockfile)
  return null
}

/** One of the tests' and benches' own, so that forgetting leftovers never meets an application's keys. */
const REDIS_DATABASE = 15

/** Where Redis is; null = it does not answer there. */
export async function redisUrl(): Promise<string | null> {
  const url = new URL(process.env.REDIS_URL ?? "redis://127.0.0.1:6379")
  const socket = connect({ host: url.hostname, port: Number(url.port || 6379) })
  const answers = await new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false))
    socket.setTimeout(1_000, () => resolve(false))
  })
  socket.destroy()
  url.pathname = `/${REDIS_DATABASE}`
  return answers ? url.href : null
}

/** What npm says is a page; the line after the code says why. */
function inShort(said: string): string {
  const lines = said.split("\n").map((line) => line.replace(/^npm error ?/, ""))
  return lines
    .filter((line) => line !== "" && !line.startsWith("npm warn"))
    .slice(0, 2)
    .join(", ")
}
