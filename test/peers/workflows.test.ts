import { readFileSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { skipAloud } from "../support/describe.ts"
import { placeOn } from "../support/place.ts"
import { testDatabase, testServer } from "../support/postgres.ts"
import { compare, type Differing } from "./compare.ts"
import { differences, RACES } from "./differences/differences.ts"
import type { LaneName } from "./lane.ts"
import { installMedusa, redisUrl } from "./peers.ts"
import { type Played, play } from "./play.ts"
import { programs } from "./programs/programs.ts"

const page = readFileSync(
  new URL("../../docs/explanation/workflows-beside-medusa.md", import.meta.url),
  "utf8",
)
const LONG_MS = 180_000
const postgres = await testServer().then(
  () => null,
  (error: Error) => error.message,
)
const redis = await redisUrl()
const missing = installMedusa()

const carillon = () => played("carillon-sqlite")
const removals: (() => Promise<void>)[] = []
const plays = new Map<LaneName, Played>()

beforeAll(() => playOn("carillon-sqlite"), LONG_MS)
afterAll(() => Promise.all(removals.map((remove) => remove())))

besideMedusa("medusa-local", missing)
besideMedusa("medusa-memory", missing ?? postgres)
besideMedusa("medusa-redis", missing ?? postgres ?? (redis === null ? "no Redis answers" : null))

describeUnless(postgres, "workflow programs on Carillon's engines", () => {
  beforeAll(() => playOn("carillon-postgres"), LONG_MS)

  test.each(programs)("$key: $finding, on PostgreSQL as on SQLite", ({ key }) => {
    expect(compareWith("carillon-postgres", key)).toEqual({})
  })
})

describe("the table of differences", () => {
  test.each(differences)("stands in the page: $what", ({ what, medusa, carillon, why }) => {
    expect(page).toContain(`| ${[what, medusa, carillon, why].join(" | ")} |`)
  })

  test("is all that the page has, which knows how many programs there are", () => {
    const rows = page.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| ---"))

    expect(rows).toHaveLength(differences.length + 1)
    expect(page).toContain(`${programs.length} small programs`)
  })

  test("names programs that there are", () => {
    const keys = programs.map(({ key }) => key)

    expect(keys).toEqual(expect.arrayContaining(differences.flatMap(({ shown }) => Object.keys(shown))))
    expect(new Set(keys).size).toBe(keys.length)
  })
})

test("no program leaves an error of Carillon's that nobody catches", () => {
  expect(carillon().strays).toEqual([])
})

function besideMedusa(lane: LaneName, reason: string | null): void {
  const there = programs.filter(({ needs }) => needs === undefined || lane !== "medusa-local")
  const compared = there.filter(({ key }) => RACES[lane]?.[key] === undefined)

  describeUnless(reason, `workflow programs on Carillon beside ${lane}`, () => {
    beforeAll(async () => {
      await playOn(lane)
      await playAgain(
        lane,
        compared.map(({ key }) => key).filter((key) => !isAsTold(lane, key)),
      )
    }, LONG_MS)

    test.each(compared)("$key: $finding", ({ key }) => {
      expect(compareWith(lane, key)).toEqual(wantedIn(key))
    })
  })
}

async function playOn(lane: LaneName): Promise<void> {
  const all = await playFresh(lane, null)
  plays.set(lane, all)
  if (all.strays.length > 0) console.log(`${lane} left errors that nobody catches: ${all.strays.join(", ")}`)
}

/** Medusa's engines race with themselves now and then, mostly on a busy machine. Carillon gets no second chance. */
async function playAgain(lane: LaneName, only: readonly string[]): Promise<void> {
  if (only.length === 0) return
  console.log(`${lane} did otherwise than told, and plays again: ${only.join(", ")}`)
  const again = await playFresh(lane, only)
  plays.set(lane, { ...again, traces: { ...played(lane).traces, ...again.traces } })
}

async function playFresh(lane: LaneName, only: readonly string[] | null): Promise<Played> {
  return play({ lane, database: await freshDatabase(lane), redis: redis ?? "", only })
}

async function freshDatabase(lane: LaneName): Promise<string> {
  if (lane === "medusa-memory" || lane === "medusa-redis") {
    const { url, drop } = await testDatabase("peers") // all of it: Medusa's tables stand in its public schema
    removals.push(drop)
    return url
  }
  const { database, remove } = await placeOn(lane === "carillon-postgres" ? "postgres" : "sqlite", "peers")
  removals.push(remove)
  return database
}

function played(lane: LaneName): Played {
  const found = plays.get(lane)
  if (found === undefined) throw new Error(`Nothing was played on ${lane}.`)
  return found
}

function compareWith(lane: LaneName, key: string): Differing {
  const [theirs, ours] = [played(lane).traces[key], carillon().traces[key]]
  if (theirs === undefined || ours === undefined) throw new Error(`${key} was not played on both.`)
  return compare(theirs, ours)
}

function wantedIn(key: string): Differing {
  return Object.assign({}, ...differences.map(({ shown }) => shown[key] ?? {}))
}

function isAsTold(lane: LaneName, key: string): boolean {
  return JSON.stringify(sorted(compareWith(lane, key))) === JSON.stringify(sorted(wantedIn(key)))
}

function sorted(differing: Differing): unknown {
  return Object.entries(differing).sort(([a], [b]) => (a < b ? -1 : 1))
}

function describeUnless(reason: string | null, title: string, body: () => void): void {
  if (reason === null) describe(title, body)
  else skipAloud(title, reason, body)
}
