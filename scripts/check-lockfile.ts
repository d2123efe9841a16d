// Promise: package-lock.json knows the package of every platform, so that `npm ci` works on all of them.
//
// npm writes down only those platform packages it could look up on the machine that installed
// (npm/cli#4828), and `npm ci` refuses such a file elsewhere. `--fix` adds what is missing; npm fills in
// the integrity when one of them is installed.

import { readFileSync, writeFileSync } from "node:fs"

interface LockedPackage {
  readonly version: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
  readonly libc?: readonly string[]
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const systems = [
  "aix",
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "win32",
]
const processors = [
  "arm",
  "arm64",
  "ia32",
  "loong64",
  "mips64el",
  "ppc64",
  "riscv64",
  "s390x",
  "wasm32",
  "x64",
]

const lockfile = JSON.parse(readFileSync("package-lock.json", "utf8")) as {
  packages: Record<string, LockedPackage>
}
const missing = findMissing()

if (process.argv.includes("--fix")) {
  writeLockfile()
} else if (missing.size > 0) {
  console.error(`package-lock.json misses platform packages; run \`node scripts/check-lockfile.ts --fix\`:`)
  for (const where of missing.keys()) console.error(`  ${where}`)
  process.exitCode = 1
}

function findMissing(): Map<string, LockedPackage> {
  const found = new Map<string, LockedPackage>()
  for (const [parent, { dev, optionalDependencies = {} }] of Object.entries(lockfile.packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const where = `node_modules/${name}`
      if (lockfile.packages[where] || lockfile.packages[`${parent}/${where}`]) continue
      found.set(where, { version, ...(dev && { dev }), optional: true, ...platformOf(name) })
    }
  }
  return found
}

/** Such packages are named after what they run on: `@biomejs/cli-linux-x64-musl`. */
function platformOf(name: string): Partial<LockedPackage> {
  const words = name.split(/[/-]/)
  const os = systems.filter((system) => words.includes(system))
  const cpu = processors.filter((processor) => words.includes(processor))
  const libc = words.some((word) => word.startsWith("musl"))
    ? ["musl"]
    : words.includes("gnu")
      ? ["glibc"]
      : []
  if (os.length === 0 || cpu.length === 0) throw new Error(`Expected a platform in the name, got ${name}`)
  return { os, cpu, ...(os.includes("linux") && libc.length > 0 && { libc }) }
}

function writeLockfile(): void {
  const all = Object.entries({ ...lockfile.packages, ...Object.fromEntries(missing) })
  lockfile.packages = Object.fromEntries(all.sort(([a], [b]) => a.localeCompare(b, "en")))
  writeFileSync("package-lock.json", `${JSON.stringify(lockfile, null, 2)}\n`)
}
