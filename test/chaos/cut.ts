// Promise: a connection that is lost during a commit, whatever is committed and whether it was done or
// not, doubles nothing, loses nothing and costs no lease.
import { randomUUID } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"
import { commitIdFrom, commitTime } from "../../src/core/ids.ts"
import { query } from "../support/cluster.ts"
import { type Moment, TcpProxy } from "../support/proxy.ts"
import { readBook } from "./book.ts"
import { events, settled } from "./observer.ts"
import { Post } from "./post.ts"
import { inOneLine, type Tally, tally } from "./tally.ts"
import { type Role, Troupe } from "./troupe.ts"

export interface CutTally extends Tally {
  readonly strikes: number
  readonly missed: readonly string[] // moments that never came
  readonly doubled: number // rows in the store beyond the events that were emitted
  readonly refused: number
  readonly deaths: readonly string[]
}

type Words = (sql: string, values: Buffer) => boolean

/** What the statement that is struck at is there for. */
const KINDS = {
  emit: (sql, values) => sql.includes(".append(") && !values.includes("group-"),
  settle: (sql) => sql.includes(".settle_batches("),
  spill: (sql, values) => sql.includes(".settle_batches(") && values.includes('"reason":"running"'),
  retry: (sql, values) => sql.includes(".settle_batches(") && values.includes('"reason":"retry"'),
  "settle a job": (sql) => sql.includes(".settle_jobs("),
  stage: (sql) => sql.includes(".stage_events("),
  release: (sql, values) => sql.includes(".append(") && values.includes("group-"),
  replay: (sql) => sql.includes(".advance_replay("),
  "replay, at COMMIT": commitAfter((sql) => sql.includes(".advance_replay(")),
  take: (sql) => sql.includes(".take_batches("),
  claim: (sql) => sql.includes(".claim("),
  heartbeat: (sql) => sql.includes(".heartbeat("),
} as const satisfies Readonly<Record<string, Words>>

export type Kind = keyof typeof KINDS

const WHENS = ["before", "sent", "answered", "terminated"] as const

const SUBSCRIBERS = [
  { id: "stock", event: "order.placed", policy: { retries: 3, initialBackoffDelay: 20 } },
  { id: "mail", event: "order.placed", policy: { retries: 3, initialBackoffDelay: 20 } },
]

/** One process that emits and works and one that only works, each behind a proxy; a third emits undisturbed. */
export async function cut({ kinds = Object.keys(KINDS) as Kind[], stillMs = 8_000 } = {}): Promise<CutTally> {
  const troupe = await Troupe.gather({ engine: "postgres" })
  const proxy = await TcpProxy.open(troupe.database)
  try {
    const posts = [
      ...(await Post.fill(troupe, [
        actor("owner", { database: proxy.url }),
        actor("taker", { database: proxy.url, emits: null }),
      ])),
      ...(await Post.fill(troupe, [actor("producer", { works: false, subscribers: [] })])),
    ]
    const missed = await strikeAll({ troupe, proxy, kinds })
    await Promise.all(posts.map((post) => post.actor.hush()))
    await settled(troupe, stillMs)
    return { ...(await judge(troupe, posts)), missed, strikes: kinds.length * WHENS.length }
  } finally {
    await troupe.close()
    await proxy.close()
  }
}

interface Strikes {
  readonly troupe: Troupe
  readonly proxy: TcpProxy
  readonly kinds: readonly Kind[]
}

async function strikeAll({ troupe, proxy, kinds }: Strikes): Promise<string[]> {
  const missed: string[] = []
  for (const kind of kinds) {
    for (const when of WHENS) {
      if (kind.startsWith("replay")) await replay(troupe)
      const struck = proxy.at(momentOf(kind, when, troupe))
      if ((await Promise.race([struck, sleep(8_000, null, { ref: false })])) === null)
        missed.push(`${kind}, ${when}`)
      await sleep(150)
    }
  }
  return missed
}

function momentOf(kind: Kind, when: (typeof WHENS)[number], { database }: Troupe): Moment {
  const matches = KINDS[kind]
  // What finds nothing leases nothing; a claim says in a row of its own when to come again.
  const leastRows = kind === "take" ? 1 : kind === "claim" ? 2 : 0
  if (when !== "terminated") return { matches, when, leastRows }
  return {
    matches,
    when: "sent",
    act: ({ backend }) => void query(database, "SELECT pg_terminate_backend($1)", [backend]),
  }
}

/** Strikes at the COMMIT of the transaction in which something was said. */
function commitAfter(words: (sql: string) => boolean): Words {
  let said = false
  return (sql) => {
    said ||= words(sql)
    if (!said || sql !== "COMMIT") return false
    said = false
    return true
  }
}

/** A replay of what was emitted first, so that it has steps enough to be struck at. */
async function replay(troupe: Troupe): Promise<void> {
  const store = await troupe.store()
  const subscription = (await store.queries.catalog()).subscriptions[0]?.no as number
  const first = (await events(store)).rows[0]?.commitId as string
  const request = { group: "shop", subscription, eventId: null, missingOnly: false }
  const range = { fromCommit: first, toCommit: commitIdFrom(commitTime(first) + 1_000) }
  await store.commit([{ kind: "put-replay", token: randomUUID(), request: { ...request, ...range } }])
}

async function judge(troupe: Troupe, posts: readonly Post[]): Promise<Omit<CutTally, "missed" | "strikes">> {
  const book = readBook(troupe.book)
  const done = book.filter((each) => each.verb === "done")
  const { rows } = await events(await troupe.store())
  const counted = await tally(
    troupe,
    SUBSCRIBERS.map((each) => each.id),
  )
  return {
    ...counted,
    duplicates: done.length - new Set(done.map((each) => each.delivery)).size, // a replay is a delivery of its own
    doubled: rows.length - new Set(rows.map((row) => row.data)).size,
    refused: book.filter((each) => each.verb === "refuse").length,
    deaths: posts.flatMap((post) => post.deaths),
  }
}

function actor(name: string, rest: Partial<Role>): Role {
  return {
    name,
    works: true,
    subscribers: SUBSCRIBERS,
    emits: {
      names: ["order.placed"],
      each: 4,
      lanes: 2,
      pauseMs: 40,
      failEvery: 25,
      slowEvery: 40,
      slowMs: 300,
      groupEvery: 20,
    },
    options: { leaseMs: 8_000, heartbeatMs: 400 },
    ...rest,
  }
}

if (import.meta.main) {
  const asked = process.argv.slice(2) as Kind[]
  const result = await cut(asked.length === 0 ? {} : { kinds: asked })
  const { strikes, missed, doubled, refused, deaths } = result
  console.log(inOneLine("cut", result), JSON.stringify({ strikes, missed, doubled, refused, deaths }))
}
