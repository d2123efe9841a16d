import { execFileSync } from "node:child_process"
import { readFileSync, statfsSync } from "node:fs"
import { cpus, release, totalmem, type } from "node:os"
import { benchDirectory } from "./directory.ts"
import type { StoreName } from "./measurement.ts"
import { peerVersions } from "./peers.ts"

/** What a figure is worth nothing without. */
export function describeMachine(store: StoreName) {
  const directory = benchDirectory()
  return {
    takenAt: new Date().toISOString(),
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    fileSystem: `0x${statfsSync(directory).type.toString(16)}`,
    node: process.version,
    ...(store === "sqlite" ? { sqlite: process.versions.sqlite } : {}),
    carillon: carillonVersion(),
    peers: peerVersions(),
  }
}

function carillonVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string
  }
  try {
    const commit = execFileSync("git", ["describe", "--always", "--dirty"], {
      cwd: import.meta.dirname,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    })
    return `${version} (${commit.trim()})`
  } catch {
    // Not a clone, or no git: the version alone has to do.
    return version
  }
}

/** Processor time that everybody has used since the machine started, in milliseconds; null where the system does not tell. */
export function machineCpuMs(): number | null {
  const times = cpus().map((cpu) => cpu.times)
  const busy = times.reduce((sum, { user, nice, sys, irq }) => sum + user + nice + sys + irq, 0)
  return busy === 0 ? null : busy
}
