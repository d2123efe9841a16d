// Promise: whatever a random program does, with the fast road or without it, every event ends for every
// subscription as the model says, and nothing stays open.
import { setTimeout as sleep } from "node:timers/promises"
import { commitIdFrom } from "../../src/core/ids.ts"
import type { SubscriptionVersion } from "../../src/core/subscription.ts"
import type { Change } from "../../src/engine/commit.ts"
import type { Engine } from "../../src/engine/engine.ts"
import { readBook } from "./book.ts"
import { chance } from "./chance.ts"
import { deadLetters, settled } from "./observer.ts"
import type { EventData, SubscriberPlan } from "./plans.ts"
import { type EngineName, engineAsked } from "./store.ts"
import { inOneLine, type Tally, tallyOf } from "./tally.ts"
import { type Actor, type Role, Troupe } from "./troupe.ts"

const QUICK = { initialBackoffDelay: 20, jitter: 0 }
const SUBSCRIBERS: readonly SubscriberPlan[] = [
  { id: "plain", event: "order.placed", policy: { ...QUICK, retries: 2 } },
  { id: "once", event: "order.*", policy: { ...QUICK, retries: 0 } },
  { id: "held", event: "order.placed", policy: { ...QUICK, retries: 1, order: "hold" } },
  { id: "skipped", event: "order.paid", policy: { ...QUICK, retries: 1, order: "skip" } },
  {
    id: "limited",
    event: "order.paid",
    policy: { ...QUICK, retries: 2, rateLimit: { limit: 200, per: 1_000 } },
  },
  { id: "slow", event: "order.placed", ms: 270, policy: { ...QUICK, retries: 2, concurrency: 30 } },
]
const EVENTS: Readonly<Record<string, readonly string[]>> = {
  "order.placed": ["plain", "once", "held", "slow"],
  "order.paid": ["once", "skipped", "limited"],
}

const STEPS = [
  "emit",
  "emit",
  "emit",
  "group",
  "delay",
  "pause",
  "resume",
  "kill",
  "redrive",
  "replay",
  "prune",
] as const

export interface RandomTally extends Tally {
  readonly seed: number
  readonly wrong: readonly string[] // events that ended otherwise than the model says
  readonly states: string // how the acknowledged events ended, to be compared between the roads
}

export interface RandomOptions {
  readonly engine?: EngineName
  readonly seed: number
  readonly fastPath: boolean
  readonly steps?: number
  readonly stillMs?: number
  readonly skewMs?: number
  readonly recovery?: boolean
}

/** Two workers with clocks that disagree; one of them is killed now and then. */
export async function random({
  engine: engineName = "sqlite",
  seed,
  fastPath,
  steps = 20,
  stillMs = 5_000,
  skewMs = 300,
  recovery = true,
}: RandomOptions): Promise<RandomTally> {
  const draw = chance(seed)
  const troupe = await Troupe.gather({ engine: engineName, recovery })
  const wanted = new Map<string, string>() // event → its name
  try {
    const cast: Actor[] = [
      troupe.start(worker("early", -skewMs, fastPath)),
      troupe.start(worker("late", skewMs, fastPath)),
    ]
    await Promise.all(cast.map((actor) => actor.ready))
    const engine = await troupe.store()
    for (let step = 0; step < steps; step++) {
      await play(STEPS[draw(STEPS.length)] as (typeof STEPS)[number], {
        draw,
        cast,
        engine,
        troupe,
        wanted,
        fastPath,
      })
      await sleep(draw(60))
    }
    for (const { id } of await current(engine)) await pause(engine, id, false)
    await sleep(700) // what is delayed falls due
    await settled(troupe, stillMs)
    await Promise.all(cast.map((actor) => actor.stop()))
    return { ...(await judge(troupe, wanted)), seed }
  } finally {
    await troupe.close()
  }
}

interface Stage {
  readonly draw: (below: number) => number
  readonly cast: Actor[]
  readonly engine: Engine
  readonly troupe: Troupe
  readonly wanted: Map<string, string>
  readonly fastPath: boolean
}

async function play(step: (typeof STEPS)[number], stage: Stage): Promise<void> {
  const { draw, cast, engine, troupe, fastPath } = stage
  const actor = cast[draw(2)] as Actor
  const subscriptions = await current(engine)
  const subscription = subscriptions[draw(subscriptions.length)] as SubscriptionVersion
  if (step === "emit") await emit(actor, stage, {})
  else if (step === "delay") await emit(actor, stage, { delay: 100 + draw(400) })
  else if (step === "group") {
    const eventGroupId = `group-${stage.wanted.size}`
    await emit(actor, stage, { metadata: { eventGroupId } })
    await actor.ask("release", "released", eventGroupId)
  } else if (step === "pause" || step === "resume") {
    await pause(engine, subscription.id, step === "pause")
  } else if (step === "kill") {
    const at = draw(2)
    const skew = cast[at]?.plan.clockShiftMs ?? 0
    await cast[at]?.kill()
    troupe.kills++
    cast[at] = troupe.start(worker(cast[at]?.plan.name as string, skew, fastPath))
    await cast[at]?.ready
  } else if (step === "redrive") {
    const { items } = await engine.queries.jobs({ state: "dead", limit: 100 })
    await engine.commit([{ kind: "redrive", nos: items.map((job) => job.no) }])
  } else if (step === "replay") {
    const request = { group: "shop", subscription: subscription.no, eventId: null, missingOnly: false }
    const range = { fromCommit: commitIdFrom(0), toCommit: commitIdFrom(Date.now()) }
    await engine.commit([
      { kind: "put-replay", token: crypto.randomUUID(), request: { ...request, ...range } },
    ])
  } else if (step === "prune") {
    await engine.maintenance.prune({ eventsBefore: Date.now() - 400, deadBefore: 0, limit: 200 })
  }
}

async function emit(actor: Actor, { draw, wanted }: Stage, rest: Record<string, unknown>): Promise<void> {
  const events = Array.from({ length: 1 + draw(12) }, () => {
    const n = `ord_${wanted.size}`
    const name = draw(3) === 0 ? "order.paid" : "order.placed"
    const fails = draw(6) === 0 ? 1 + draw(3) : 0
    wanted.set(`${n}:${fails}`, name)
    return { name, data: { n: `${n}:${fails}`, fails }, key: `key-${draw(4)}`, ...rest }
  })
  await actor.ask("emit", "emitted", events)
}

async function pause(engine: Engine, id: string, paused: boolean): Promise<void> {
  const change: Change = {
    kind: "put-subscription",
    group: "shop",
    id,
    worker: null,
    definition: { paused },
    startAt: null,
    keepPaused: false,
  }
  await engine.commit([change])
}

async function current(engine: Engine): Promise<readonly SubscriptionVersion[]> {
  return (await engine.queries.catalog()).subscriptions.filter((each) => each.toVersion === null)
}

/** Delivered when it fails no more often than its policy allows, else a dead letter: whatever happened meanwhile. */
async function judge(
  troupe: Troupe,
  wanted: ReadonlyMap<string, string>,
): Promise<Omit<RandomTally, "seed">> {
  const book = readBook(troupe.book)
  const acknowledged = book.filter((each) => each.verb === "ack").map((each) => each.event)
  const delivered = new Set(
    book.filter((each) => each.verb === "done").map((each) => `${each.event} ${each.subscriber}`),
  )
  const dead = new Set(
    (await deadLetters(await troupe.store())).map(
      ({ data, subscriber, reason }) =>
        `${(JSON.parse(data) as EventData).n} ${subscriber} ${reason === "crashed worker"}`,
    ),
  )
  const wrong: string[] = []
  const states: string[] = []
  for (const event of acknowledged.sort()) {
    for (const id of EVENTS[wanted.get(event) as string] ?? []) {
      const fails = Number(event.split(":")[1])
      const retries = SUBSCRIBERS.find((each) => each.id === id)?.policy?.retries as number
      const expected = fails > retries ? "dead" : "delivered"
      const isDelivered = delivered.has(`${event} ${id}`)
      const isDead = dead.has(`${event} ${id} false`)
      const actual = `${isDelivered ? "delivered" : ""}${isDead ? "dead" : ""}` || "nothing"
      states.push(`${event} ${id} ${actual}`)
      if (actual !== expected) wrong.push(`${event} ${id}: expected ${expected}, got ${actual}`)
    }
  }
  const counted = await tallyOf(book, troupe, () => [])
  return {
    ...counted,
    lost: wrong.filter((each) => each.endsWith("nothing")).length,
    wrong,
    states: states.join("\n"),
  }
}

function worker(name: string, clockShiftMs: number, fastPath: boolean): Role {
  return { name, works: true, subscribers: SUBSCRIBERS, emits: null, clockShiftMs, options: { fastPath } }
}

if (import.meta.main) {
  const [, , from, times] = process.argv.filter((word) => word !== "postgres")
  const first = Number(from ?? Date.now() % 100_000)
  for (let seed = first; seed < first + Number(times ?? 1); seed++) {
    for (const fastPath of [true, false]) {
      const result = await random({ engine: engineAsked(), seed, fastPath })
      console.log(
        inOneLine(`random ${seed} (${fastPath ? "fast" : "jobs"})`, result),
        result.wrong.slice(0, 5),
      )
    }
  }
}
