import { spawnSync } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"

const PEERS = new URL("./peers/", import.meta.url)

/** Loads a peer's package, which is CommonJS and lies outside of the workspaces. */
export const requirePeer = createRequire(new URL("package.json", PEERS))

/**
 * Installs the peers where they are missing. They are not dependencies of the workspace: Medusa's modules bring
 * some 290 MB that nobody needs who only wants to work on Carillon.
 */
export function ensurePeers(): void {
  if (existsSync(new URL("node_modules/.installed", PEERS))) return

  console.log(
    "Installing the peers to measure against in bench/peers (BullMQ, Medusa's event modules; once, about 290 MB) …",
  )
  const install = spawnSync(
    "npm",
    ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
    {
      cwd: fileURLToPath(PEERS),
      stdio: "inherit",
      shell: process.platform === "win32",
    },
  )
  if (install.status !== 0)
    throw new Error("The peers could not be installed; `--no-peers` measures without them.")
  writeFileSync(new URL("node_modules/.installed", PEERS), "")
}

/** The installed versions of the peers, by package name. */
export function peerVersions(): Record<string, string> {
  const { dependencies } = JSON.parse(readFileSync(new URL("package.json", PEERS), "utf8")) as {
    dependencies: Record<string, string>
  }
  return dependencies
}
