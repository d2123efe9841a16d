// Promise: SIGKILL of the server under load loses no event that was answered for with 201, and a request that
// is sent again under its key leaves one event each, all of them or none.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { type Carillon, createCarillon } from "../../src/index.ts"
import { testDatabase } from "../support/postgres.ts"
import { freePort } from "../support/programs.ts"
import { Book, readBook } from "./book.ts"
import { chance } from "./chance.ts"
import { HttpEmitter, type OrderData } from "./http-emitter.ts"
import { HttpServer, type Serving } from "./http-server.ts"
import { type EngineName, engineAsked } from "./store.ts"

export interface HttpTally {
  readonly requests: number
  readonly acknowledged: number
  readonly repeated: number // requests that were sent again for want of an answer
  readonly lost: number // acknowledged, and not all of it in the store
  readonly halves: number // some of its events are in the store, and others are not
  readonly twice: number // events that are there more than once
  readonly stray: number // events that nobody has asked for
  readonly kills: number
  readonly ended: string // how the last server did, which was asked to
  readonly seconds: number
}

export interface HttpOptions {
  readonly engine?: EngineName
  readonly emitters?: number
  /** Where servers kill themselves, one after the other. */
  readonly faults?: readonly string[]
  readonly randomKills?: number
  /** false = requests are sent again without a key. */
  readonly keyed?: boolean
  readonly seed?: number
}

/** Before a commit, in the midst of it, and when it is written but not answered for. */
const FAULTS = {
  sqlite: ["commit.before=kill@20", "commit.middle=kill@30", "commit.after=kill@40"],
  postgres: ["commit.before=kill@20", "commit.after=kill@30"],
} as const

/** Emitters of a server that is killed and started again, and what is in the store when all have their answers. */
export async function http({
  engine = "sqlite",
  emitters: count = 24,
  faults = FAULTS[engine],
  randomKills = 2,
  keyed = true,
  seed = Date.now() % 1_000_000,
}: HttpOptions = {}): Promise<HttpTally> {
  const startedAt = performance.now()
  const stage = await Stage.set(engine)
  const draw = chance(seed)
  const { token, url } = stage
  const options = { url, token, book: new Book(stage.book, "clients"), draw, keyed }
  const emitters = Array.from({ length: count }, (_, i) => new HttpEmitter(`lane${i}`, options))
  try {
    const running = Promise.all(emitters.map((each) => each.run()))
    running.catch(() => {}) // it is awaited once the last server stands
    for (const fault of faults) await stage.kill(fault, () => 8_000)
    for (let i = 0; i < randomKills; i++) await stage.kill("", () => draw(600))
    const last = await stage.serve()
    await sleep(300)
    for (const each of emitters) each.hush()
    await running
    const ended = await last.stop()
    return {
      ...(await stage.judge()),
      repeated: emitters.reduce((sum, each) => sum + each.repeated, 0),
      kills: faults.length + randomKills,
      ended,
      seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    }
  } finally {
    for (const each of emitters) each.hush()
    await stage.strike()
  }
}

const SECRET = "the-secret-of-a-chaos-program-of-more-than-32-letters"

/** A store, a port before it, and the book beside it. */
class Stage {
  readonly book: string
  readonly token: string
  readonly url: string
  readonly #folder: string
  readonly #serving: Serving
  readonly #drop: () => Promise<void>
  readonly #servers: HttpServer[] = []

  private constructor(folder: string, serving: Serving, token: string, drop: () => Promise<void>) {
    this.#folder = folder
    this.#serving = serving
    this.#drop = drop
    this.token = token
    this.url = `http://127.0.0.1:${serving.port}`
    this.book = join(folder, "book")
    writeFileSync(this.book, "")
  }

  static async set(engine: EngineName): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), "carillon-chaos-"))
    const file = { url: `file:${join(folder, "shop.db")}`, drop: async () => {} }
    const { url: database, drop } = engine === "postgres" ? await testDatabase("http") : file
    const office = await open(database)
    const { token } = await office.identity.tokens.create({ name: "till", roles: ["emitter"], scopes: "all" })
    await office.stop()
    return new Stage(folder, { database, port: await freePort(), secret: SECRET }, token, drop)
  }

  async serve(fault = ""): Promise<HttpServer> {
    const server = new HttpServer(this.#serving, fault)
    this.#servers.push(server)
    await server.ready()
    return server
  }

  /** Who does not die at the point is killed when the time is over. */
  async kill(fault: string, withinMs: () => number): Promise<void> {
    const server = await this.serve(fault)
    await server.over(withinMs())
    await server.kill()
  }

  async judge(): Promise<
    Pick<HttpTally, "requests" | "acknowledged" | "lost" | "halves" | "twice" | "stray">
  > {
    const entries = readBook(this.book)
    const asked = new Set(entries.filter(({ verb }) => verb === "emit").map(({ event }) => event))
    const acknowledged = new Set(entries.filter(({ verb }) => verb === "ack").map(({ event }) => event))
    const office = await open(this.#serving.database)
    const kept = await keptIn(office)
    await office.stop()
    const isWhole = (request: string) => kept.get(request)?.size === kept.get(request)?.lines
    return {
      requests: asked.size,
      acknowledged: acknowledged.size,
      lost: [...acknowledged].filter((each) => !kept.has(each) || !isWhole(each)).length,
      halves: [...kept.keys()].filter((each) => !isWhole(each)).length,
      twice: [...kept.values()].reduce((sum, { twice }) => sum + twice, 0),
      stray: [...kept.keys()].filter((each) => !asked.has(each)).length,
    }
  }

  async strike(): Promise<void> {
    await Promise.all(this.#servers.map((each) => each.kill()))
    await this.#drop()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

function open(database: string): Promise<Carillon> {
  return createCarillon({ database, group: "office", secret: SECRET, logger: false })
}

interface Kept {
  readonly lines: number
  readonly size: number // different ones that are there
  readonly twice: number
}

/** What is in the store, by request. */
async function keptIn(office: Carillon): Promise<ReadonlyMap<string, Kept>> {
  const found = new Map<string, { readonly lines: number; readonly seen: number[] }>()
  let cursor: string | undefined
  do {
    const page = await office.listEvents({ limit: 1_000, cursor })
    for (const { data } of page.items) {
      const { request, line, lines } = data as OrderData
      const kept = found.get(request) ?? { lines, seen: [] }
      kept.seen.push(line)
      found.set(request, kept)
    }
    cursor = page.cursor ?? undefined
  } while (cursor !== undefined)
  return new Map(
    [...found].map(([request, { lines, seen }]) => {
      const { size } = new Set(seen)
      return [request, { lines, size, twice: seen.length - size }]
    }),
  )
}

export function inOneLine(title: string, tally: HttpTally): string {
  const { requests, acknowledged, repeated, lost, halves, twice, kills, seconds } = tally
  return (
    `${title}: requests ${requests}, acknowledged ${acknowledged}, repeated ${repeated}, ` +
    `lost ${lost}, halves ${halves}, twice ${twice}, kills ${kills}, ${seconds} s`
  )
}

/** At length, for `npm run chaos`. */
export async function showHttp(engine: EngineName): Promise<void> {
  const tally = await http({ engine, randomKills: 20 })
  console.log(inOneLine(`http (${engine})`, tally))
  const { lost, halves, twice, stray, ended } = tally
  if (lost + halves + twice + stray > 0 || ended !== "well") process.exitCode = 1
}

if (import.meta.main) await showHttp(engineAsked())
