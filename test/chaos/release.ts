// Promise: a kill during a release or a replay, two releases at once, and the same emit again after a
// crash make one event of each event and one delivery of each delivery.
import { openSqlite } from "../../src/engines/sqlite/engine.ts"
import { systemClock } from "../../src/system-clock.ts"
import { readBook } from "./book.ts"
import { read, settled } from "./observer.ts"
import { inOneLine, type Tally, tally } from "./tally.ts"
import { type Actor, Troupe } from "./troupe.ts"

export interface ReleaseTally extends Tally {
  readonly events: number // rows in the store
  readonly replayed: number // deliveries that the replay made
  readonly replayedTwice: number
}

const SUBSCRIBERS = [{ id: "stock", event: "order.placed" }]

/** Staged in arrays; two processes release at once and one of them dies at it; then a replay dies at each of its steps. */
export async function release({
  recovery = true,
  events = 5_000,
  stillMs = 4_000,
} = {}): Promise<ReleaseTally> {
  const troupe = new Troupe({ recovery, mostRepeated: 4_000 })
  try {
    const steady = start(troupe, "steady")
    await steady.ready
    await stage(steady, events)
    const doomed = start(troupe, "doomed", "release.middle=kill@1")
    await doomed.ready
    await Promise.allSettled([doomed.ask("release", "released", "checkout"), doomed.ended])
    troupe.kills++
    const other = start(troupe, "other")
    await other.ready
    await Promise.all([steady, other].map((each) => each.ask("release", "released", "checkout")))
    await settled(troupe, stillMs)
    await Promise.all([steady.stop(), other.stop()])

    await putReplay(troupe.database)
    for (const nth of [1, 2, 4]) {
      const replayer = start(troupe, "replayer", `replay.middle=kill@${nth}`)
      await Promise.race([replayer.ended, new Promise((resolve) => setTimeout(resolve, 4_000))])
      await replayer.kill()
      troupe.kills++
    }
    const last = start(troupe, "last")
    await last.ready
    await settled(troupe, stillMs)
    await last.stop()
    const replays = readBook(troupe.book).filter(
      (each) => each.verb === "done" && each.delivery.endsWith("_r1"),
    )
    const made = read(
      troupe.database,
      "SELECT coalesce(sum(size), 0) AS n FROM parts WHERE replay = 1 AND reason = 'replayed'",
    )[0]?.n as number
    const book = tally(troupe, ["stock"])
    return {
      ...book,
      duplicates: book.duplicates - new Set(replays.map((each) => each.delivery)).size,
      events: read(troupe.database, "SELECT count(*) AS n FROM events")[0]?.n as number,
      replayed: new Set(replays.map((each) => each.delivery)).size,
      replayedTwice: made - events,
    }
  } finally {
    await troupe.close()
  }
}

async function stage(actor: Actor, events: number): Promise<void> {
  for (let from = 0; from < events; from += 500) {
    await actor.ask(
      "emit",
      "emitted",
      Array.from({ length: Math.min(500, events - from) }, (_, i) => ({
        name: "order.placed",
        data: { n: `ord_${from + i}` },
        metadata: { eventGroupId: "checkout" },
      })),
    )
  }
}

async function putReplay(path: string): Promise<void> {
  const engine = await openSqlite({ path, synchronous: "FULL", thread: "main", clock: systemClock })
  const subscription = (await engine.queries.catalog()).subscriptions[0]?.no as number
  await engine.commit([
    {
      kind: "put-replay",
      request: {
        group: "shop",
        subscription,
        fromCommit: "0".repeat(26),
        toCommit: "Z".repeat(26),
        eventId: null,
        missingOnly: false,
      },
    },
  ])
  await engine.close()
}

function start(troupe: Troupe, name: string, fault?: string): Actor {
  return troupe.start({ name, works: true, subscribers: SUBSCRIBERS, emits: null }, { fault })
}

export interface AgainTally extends Tally {
  readonly events: number
}

/** Emits with ids of their own are repeated whole after each crash. */
export async function again(): Promise<AgainTally> {
  const troupe = new Troupe({ mostRepeated: 4_000 })
  try {
    const events = Array.from({ length: 200 }, (_, i) => ({
      name: "order.placed",
      id: `checkout-${i}`,
      data: { n: `ord_${i}` },
    }))
    for (const point of ["commit.before", "commit.middle", "commit.after", null]) {
      // The first commits put the subscription, so the emits are the ones after it.
      const actor = start(troupe, "client", point === null ? undefined : `${point}=kill@2`)
      await actor.ready
      for (let i = 0; i < events.length && !actor.isOver; i += 10) {
        await actor.ask("emit", "emitted", events.slice(i, i + 10)).catch(() => {}) // killed at it
      }
      if (point === null) {
        await settled(troupe, 3_000)
        await actor.stop()
        break
      }
      await actor.kill()
      troupe.kills++
    }
    return {
      ...tally(troupe, ["stock"]),
      events: read(troupe.database, "SELECT count(*) AS n FROM events")[0]?.n as number,
    }
  } finally {
    await troupe.close()
  }
}

if (import.meta.main) {
  const result = await release()
  const { events, replayed, replayedTwice } = result
  console.log(inOneLine("release", result), JSON.stringify({ events, replayed, replayedTwice }))
  const repeated = await again()
  console.log(inOneLine("again", repeated), `events ${repeated.events}`)
}
