// Promise: a kill during a release or a replay, two releases at once, and the same emit again after a
// crash make one event of each event and one delivery of each delivery.
import type { Engine } from "../../src/engine/engine.ts"
import { TcpProxy } from "../support/proxy.ts"
import { readBook } from "./book.ts"
import { events as eventsOf, settled, traces } from "./observer.ts"
import { type EngineName, engineAsked } from "./store.ts"
import { inOneLine, type Tally, tally } from "./tally.ts"
import { type Actor, type Role, Troupe } from "./troupe.ts"

export interface ReleaseTally extends Tally {
  readonly events: number // rows in the store
  readonly replayed: number // deliveries that the replay made
  readonly replayedTwice: number
}

const SUBSCRIBERS = [{ id: "stock", event: "order.placed" }]

export interface ReleaseOptions {
  readonly engine?: EngineName
  readonly recovery?: boolean
  readonly events?: number
  readonly stillMs?: number
}

/**
 * Staged in arrays; one process dies at a release, then two release at once what it left and what it did
 * not touch; then a replay dies at each of its steps.
 */
export async function release({
  engine = "sqlite",
  recovery = true,
  events = 5_000,
  stillMs = 4_000,
}: ReleaseOptions = {}): Promise<ReleaseTally> {
  const troupe = await Troupe.gather({ engine, recovery, mostRepeated: 4_000 })
  const proxy = engine === "sqlite" ? null : await TcpProxy.open(troupe.database)
  try {
    const steady = start(troupe, "steady")
    await steady.ready
    await stage(steady, "basket", 0, events / 2)
    await stage(steady, "checkout", events / 2, events)
    const doomed = startDoomed({ troupe, proxy, name: "doomed", step: "release", nth: 1 })
    await doomed.ready
    await Promise.allSettled([doomed.ask("release", "released", "checkout"), doomed.ended])
    troupe.kills++
    const other = start(troupe, "other")
    await other.ready
    for (const group of ["basket", "checkout"])
      await Promise.all([steady, other].map((each) => each.ask("release", "released", group)))
    await settled(troupe, stillMs)
    await Promise.all([steady.stop(), other.stop()])

    await putReplay(await troupe.store())
    for (const nth of [1, 2, 4]) {
      const replayer = startDoomed({ troupe, proxy, name: "replayer", step: "replay", nth })
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
    const all = await traces(await troupe.store())
    // A part stands in the trace of each of its events.
    const made = all.flatMap(({ parts }) =>
      parts.filter((part) => part.replay === 1 && part.reason === "replayed"),
    )
    const book = await tally(troupe, ["stock"])
    return {
      ...book,
      duplicates: book.duplicates - new Set(replays.map((each) => each.delivery)).size,
      events: all.length,
      replayed: new Set(replays.map((each) => each.delivery)).size,
      replayedTwice: made.length - events,
    }
  } finally {
    await troupe.close()
    await proxy?.close()
  }
}

async function stage(actor: Actor, eventGroupId: string, first: number, end: number): Promise<void> {
  for (let from = first; from < end; from += 500) {
    await actor.ask(
      "emit",
      "emitted",
      Array.from({ length: Math.min(500, end - from) }, (_, i) => ({
        name: "order.placed",
        data: { n: `ord_${from + i}` },
        metadata: { eventGroupId },
      })),
    )
  }
}

async function putReplay(engine: Engine): Promise<void> {
  const subscription = (await engine.queries.catalog()).subscriptions[0]?.no as number
  await engine.commit([
    {
      kind: "put-replay",
      token: crypto.randomUUID(),
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
}

interface Doom {
  readonly troupe: Troupe
  readonly proxy: TcpProxy | null
  readonly name: string
  readonly step: "release" | "replay"
  readonly nth: number
}

/** Dies in the middle of a step: at a point of ours, or, where the server does it, while the server does it. */
function startDoomed({ troupe, proxy, name, step, nth }: Doom): Actor {
  if (proxy === null) return start(troupe, name, `${step}.middle=kill@${nth}`)
  const actor = troupe.start({ ...role(name), database: proxy.url })
  void proxy.at({ matches: STEPS[step], when: "sent", nth, act: () => void actor.kill() })
  return actor
}

const STEPS = {
  release: (sql: string, values: Buffer) => sql.includes(".append(") && values.includes("checkout"),
  replay: (sql: string) => sql.includes(".advance_replay("),
}

function role(name: string): Role {
  return { name, works: true, subscribers: SUBSCRIBERS, emits: null }
}

function start(troupe: Troupe, name: string, fault?: string): Actor {
  return troupe.start(role(name), { fault })
}

export interface AgainTally extends Tally {
  readonly events: number
}

/** Emits with ids of their own are repeated whole after each crash. */
export async function again({ engine = "sqlite" }: { engine?: EngineName } = {}): Promise<AgainTally> {
  const troupe = await Troupe.gather({ engine, mostRepeated: 4_000 })
  try {
    const events = Array.from({ length: 200 }, (_, i) => ({
      name: "order.placed",
      id: `checkout-${i}`,
      data: { n: `ord_${i}` },
    }))
    // A server goes through the middle of a commit without us.
    const points = ["commit.before", ...(engine === "sqlite" ? ["commit.middle"] : []), "commit.after", null]
    for (const point of points) {
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
      ...(await tally(troupe, ["stock"])),
      events: (await eventsOf(await troupe.store())).rows.length,
    }
  } finally {
    await troupe.close()
  }
}

if (import.meta.main) {
  const result = await release({ engine: engineAsked() })
  const { events, replayed, replayedTwice } = result
  console.log(inOneLine("release", result), JSON.stringify({ events, replayed, replayedTwice }))
  const repeated = await again({ engine: engineAsked() })
  console.log(inOneLine("again", repeated), `events ${repeated.events}`)
}
