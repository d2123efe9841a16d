import { spawnSync } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import type { ContenderName, Measurement, StoreName } from "./measurement.ts"

/** Peers that are installed together; apart, because Medusa brings some 290 MB and the queues bring 30. */
type PeerSet = "queues" | "medusa"

const SET_OF: Partial<Record<ContenderName, PeerSet>> = {
  bullmq: "queues",
  "bullmq-postgres": "queues",
  "graphile-worker": "queues",
  "pg-boss": "queues",
  "medusa-local": "medusa",
  "medusa-redis": "medusa",
}

export function isPeer({ contender }: Measurement): boolean {
  return SET_OF[contender] !== undefined
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

/** The versions of the peers that a store's catalogue knows, by package name. */
export function peerVersions(store: StoreName): Record<string, string> {
  return { ...versionsOf("queues"), ...(store === "sqlite" ? versionsOf("medusa") : {}) }
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
