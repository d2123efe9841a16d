import { spawnSync } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import type { ContenderName, Measurement } from "./measurement.ts"

/** Peers that are installed together; apart, because Medusa brings some 260 MB, Restate 220, and the others 30. */
type PeerSet = "queues" | "medusa" | "dbos" | "restate"

const SET_OF: Partial<Record<ContenderName, PeerSet>> = {
  bullmq: "queues",
  "bullmq-postgres": "queues",
  "graphile-worker": "queues",
  "pg-boss": "queues",
  "medusa-local": "medusa",
  "medusa-redis": "medusa",
  "medusa-in-memory": "medusa",
  dbos: "dbos",
  restate: "restate",
}

export function isPeer({ contender }: Measurement): boolean {
  return SET_OF[contender] !== undefined
}

export function needsRedis({ contender }: Measurement): boolean {
  return contender === "bullmq" || contender === "medusa-redis"
}

/** Those that know no other store for their workflows. */
export function needsPostgres({ contender, work }: Measurement): boolean {
  if (work !== "workflow" && work !== "workflow-latency") return false
  return contender === "dbos" || contender === "medusa-in-memory" || contender === "medusa-redis"
}

/** Loads a peer's package, which lies outside of the workspaces. */
export function requirePeer(set: PeerSet, name: string): unknown {
  return requireFrom(set)(name)
}

export function requireFrom(set: PeerSet): NodeJS.Require {
  return createRequire(new URL("package.json", folderOf(set)))
}

/** Installs the peers that are wanted and missing. They are no dependencies of the workspace. */
export function ensurePeers(wanted: readonly Measurement[]): void {
  for (const set of new Set(wanted.flatMap(({ contender }) => SET_OF[contender] ?? []))) install(set)
}

function install(set: PeerSet): void {
  const folder = folderOf(set)
  const installed = new URL("node_modules/.installed", folder)
  const manifest = readFileSync(new URL("package.json", folder), "utf8")
  if (existsSync(installed) && readFileSync(installed, "utf8") === manifest) return

  console.log(`Installing the peers to measure against in bench/peers/${set} (once) …`)
  const { status } = spawnSync(
    "npm",
    ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
    { cwd: fileURLToPath(folder), stdio: "inherit", shell: process.platform === "win32" },
  )
  if (status !== 0) throw new Error("The peers could not be installed; `--no-peers` measures without them.")
  writeFileSync(installed, manifest)
}

/** The versions of all peers, by package name. */
export function peerVersions(): Record<string, string> {
  return Object.assign({}, ...[...new Set(Object.values(SET_OF))].map(versionsOf))
}

function versionsOf(set: PeerSet): Record<string, string> {
  const { dependencies } = JSON.parse(readFileSync(new URL("package.json", folderOf(set)), "utf8")) as {
    dependencies: Record<string, string>
  }
  return dependencies
}

function folderOf(set: PeerSet): URL {
  return new URL(`./peers/${set}/`, import.meta.url)
}
