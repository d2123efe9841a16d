// Promise: workers join and leave under load, and every event reaches each app once.
import { setTimeout as sleep } from "node:timers/promises"
import { settled } from "./observer.ts"
import type { EngineName } from "./store.ts"
import { inOneLine, type Tally, tally } from "./tally.ts"
import { type Actor, type Role, Troupe } from "./troupe.ts"

export interface JoinTally extends Tally {
  readonly joined: number
}

const APPS = {
  shop: [{ id: "stock", event: "order.*" }],
  billing: [{ id: "ledger", event: "order.*", ms: 3 }],
} as const

/** Two apps of two workers each, one of which always leaves and comes again, and a producer of no app. */
export async function join({
  engine = "postgres",
  rounds = 6,
}: {
  engine?: EngineName
  rounds?: number
} = {}): Promise<JoinTally> {
  const troupe = await Troupe.gather({ engine })
  try {
    const apps = Object.keys(APPS) as (keyof typeof APPS)[]
    const crews = apps.map((app) => [troupe.start(worker(app)), troupe.start(worker(app))])
    await Promise.all(crews.flat().map((actor) => actor.ready))
    const producers = [troupe.start(producer("east")), troupe.start(producer("west"))]
    for (let round = 0; round < rounds; round++) {
      await sleep(400)
      await Promise.all(crews.map((crew, app) => relieve(troupe, crew, apps[app] as keyof typeof APPS)))
    }
    await Promise.all(producers.map((each) => each.hush()))
    await settled(troupe, 6_000)
    await Promise.all([...crews.flat(), ...producers].map((actor) => actor.stop()))
    const ids = Object.values(APPS).flatMap((subscribers) => subscribers.map((each) => each.id))
    return { ...(await tally(troupe, ids)), joined: apps.length * (2 + rounds) }
  } finally {
    await troupe.close()
  }
}

/** The next one joins before the oldest leaves. */
async function relieve(troupe: Troupe, crew: Actor[], app: keyof typeof APPS): Promise<void> {
  const next = troupe.start(worker(app))
  await next.ready
  crew.push(next)
  await crew.shift()?.stop()
}

function worker(group: keyof typeof APPS): Role {
  return { name: group, works: true, subscribers: APPS[group], emits: null, options: { group } }
}

function producer(name: string): Role {
  return {
    name,
    works: false,
    subscribers: [],
    emits: { names: ["order.placed", "order.paid"], each: 5, lanes: 2, pauseMs: 30 },
    options: { group: "checkout" },
  }
}

if (import.meta.main) {
  const result = await join()
  console.log(inOneLine("join", result), `joined ${result.joined}`)
}
