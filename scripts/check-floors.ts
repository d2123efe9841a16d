// Promise: imports inside src/ run down only, from floor to floor, and never in a circle.
//
// A file imports its own room and the rooms of lower floors; rooms on one floor do not know each other;
// nobody inside imports an index.ts (that is for those outside); core does no I/O. Unit tests are free.

import { existsSync, globSync, readFileSync } from "node:fs"
import { posix } from "node:path"

/** From the ground up. A new room is a word on its floor; a file of its own stands here by its name. */
const floors: readonly (readonly string[])[] = [
  ["core"],
  ["engine"],
  ["engines/sql"],
  ["engines/postgres", "engines/sqlite"],
  ["container.ts", "system-clock.ts", "telemetry"],
  ["worker", "postgres"],
  ["bus", "data", "identity"],
  ["runs", "webhooks"],
  ["workflows"],
  ["options.ts", "opening-error.ts"],
  ["open.ts", "copy"],
  ["carillon.ts"],
  ["contract", "http"],
  ["compat"],
  ["server", "client"],
  ["app", "testing"],
  ["cli"],
  ["index.ts"],
]

/** All that core may import from outside itself: pure functions, and types. */
const pureModules = ["node:crypto"]

interface Import {
  readonly from: string
  readonly specifier: string
  readonly typeOnly: boolean
}

const files = globSync("src/**/*.ts")
  .map((file) => file.replaceAll("\\", "/").slice("src/".length))
  .filter((file) => !file.endsWith(".test.ts"))
const imports = files.flatMap(importsOf)
const offences = [...files.flatMap(homeless), ...imports.flatMap(offencesOf), ...circles()]

for (const offence of offences) console.error(offence)
if (offences.length > 0) process.exitCode = 1

function homeless(file: string): string[] {
  return roomOf(file)
    ? []
    : [`src/${file} stands on no floor: give its room a word in scripts/check-floors.ts`]
}

function offencesOf({ from, specifier, typeOnly }: Import): string[] {
  const offence = (why: string) => [`src/${from} imports "${specifier}": ${why}`]
  if (!specifier.startsWith(".")) {
    const allowed = roomOf(from) !== "core" || typeOnly || pureModules.includes(specifier)
    return allowed ? [] : offence("core takes nothing from outside itself")
  }

  const to = targetOf(from, specifier)
  const [room, target] = [roomOf(from), roomOf(to)]
  if (!existsSync(`src/${to}`)) return offence("there is no such file")
  if (posix.basename(to) === "index.ts")
    return offence("import the file itself, index.ts is for those outside")
  if (!room || !target || room === target || floorOf(target) < floorOf(room)) return []
  return offence(`${room} may not know ${target}`)
}

function roomOf(file: string): string | undefined {
  return floors.flat().find((room) => file === room || file.startsWith(`${room}/`))
}

function floorOf(room: string): number {
  return floors.findIndex((rooms) => rooms.includes(room))
}

function targetOf(from: string, specifier: string): string {
  return posix.join(posix.dirname(from), specifier)
}

/** Comments are skipped because Biome starts every statement, and only statements, at the line's first column. */
function importsOf(file: string): Import[] {
  const text = readFileSync(`src/${file}`, "utf8")
  const statements = text.matchAll(/^(?:import|export)\s(type\s)?(?:[^"'`;=]*?\sfrom\s)?"([^"]+)"/gm)
  const calls = text.matchAll(/^(?!\s*(?:\*|\/\/)).*\bimport()\("([^"]+)"\)/gm)
  return [...statements, ...calls].map(([, type, specifier]) => ({
    from: file,
    specifier: specifier ?? "",
    typeOnly: Boolean(type),
  }))
}

/** Walks from every file; a file met again while still on the path closes a circle. */
function circles(): string[] {
  const found = new Set<string>()
  const done = new Set<string>()
  const walk = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file)
    if (start >= 0) found.add(`a circle: ${[...path.slice(start), file].join(" → ")}`)
    if (start >= 0 || done.has(file)) return
    for (const { from, specifier, typeOnly } of imports) {
      // Types vanish before anything could go round.
      if (from === file && !typeOnly && specifier.startsWith("."))
        walk(targetOf(file, specifier), [...path, file])
    }
    done.add(file)
  }
  for (const file of files) walk(file, [])
  return [...found]
}
