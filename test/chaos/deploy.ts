// Promise: a rolling deploy under load, with one subscription added and one removed, makes exactly the
// deliveries that the catalog said at each commit.
import { setTimeout as sleep } from "node:timers/promises"
import type { Engine } from "../../src/engine/engine.ts"
import { type Entry, readBook } from "./book.ts"
import { events, settled } from "./observer.ts"
import type { EventData, SubscriberPlan } from "./plans.ts"
import { type EngineName, engineAsked } from "./store.ts"
import { inOneLine, type Tally, tallyOf } from "./tally.ts"
import { type Actor, type Role, Troupe } from "./troupe.ts"

export interface DeployTally extends Tally {
  readonly unwanted: number // handled though the catalog did not say so when they were emitted
  readonly late: number // emitted after the new subscription stood, and not routed to it
  readonly added: number // deliveries of the new subscription
  readonly removed: number // deliveries of the old one
}

const REMOVED = { id: "stock", event: "order.placed", ms: 25, policy: { concurrency: 4 } }
const KEPT = { id: "mail", event: "order.placed" }
const ADDED = { id: "audit", event: "order.*" }

export async function deploy({
  engine = "sqlite",
  recovery = true,
  stillMs = 10_000,
}: {
  engine?: EngineName
  recovery?: boolean
  stillMs?: number
} = {}): Promise<DeployTally> {
  const troupe = await Troupe.gather({ engine, recovery })
  try {
    const old = [troupe.start(version("old", [REMOVED, KEPT])), troupe.start(version("old", [REMOVED, KEPT]))]
    await Promise.all(old.map((each) => each.begun()))
    const producer = troupe.start({
      name: "producer",
      works: false,
      subscribers: [],
      emits: { names: ["order.placed"], each: 3, pauseMs: 6 },
    })
    await producer.begun()
    await sleep(700)

    const [first, second] = [version("new", [KEPT, ADDED]), version("new", [KEPT, ADDED])].map((plan) =>
      troupe.start(plan),
    ) as [(typeof old)[0], (typeof old)[0]]
    await Promise.all([first.begun(), second.begun()])
    const addedAt = Date.now()
    await sleep(400)
    await killBusy(old[0] as Actor, troupe)
    const id = `${REMOVED.id}@${REMOVED.event}`
    await (await troupe.store()).commit([{ kind: "end-subscription", group: "shop", id }])
    await sleep(300)
    await old[1]?.stop()
    await sleep(300)
    await first.kill()
    troupe.kills++
    await sleep(200)
    await producer.hush()
    await settled(troupe, stillMs)
    await Promise.all([producer, second].map((each) => each.stop()))
    return await compare(troupe, addedAt)
  } finally {
    await troupe.close()
  }
}

/** Kills it while it handles something: what it holds is left behind. */
async function killBusy(actor: Actor, troupe: Troupe): Promise<void> {
  for (let turn = 0; turn < 200; turn++) {
    actor.signal("SIGSTOP")
    await sleep(5)
    if (isBusy(actor, readBook(troupe.book))) break
    actor.signal("SIGCONT")
    await sleep(20)
  }
  await actor.kill()
  troupe.kills++
}

function isBusy({ who }: Actor, book: readonly Entry[]): boolean {
  const own = book.filter((each) => each.who === who)
  const count = (verb: Entry["verb"]): number => own.filter((each) => each.verb === verb).length
  return count("begin") > count("done") + count("fail")
}

/** What each commit was routed to is in the store; what came of it is in the book. */
async function compare(troupe: Troupe, addedAt: number): Promise<DeployTally> {
  const book = readBook(troupe.book)
  const wanted = await routed(await troupe.store())
  const done = book.filter((each) => each.verb === "done")
  const late = book.filter(
    ({ verb, event, at }) =>
      verb === "emit" && at > addedAt && wanted.has(event) && !wanted.get(event)?.includes(ADDED.id),
  )
  return {
    // What waited for the removed one is cancelled with it, so only the others must be complete.
    ...(await tallyOf(book, troupe, (event) => (wanted.get(event) ?? []).filter((id) => id !== REMOVED.id))),
    unwanted: done.filter(({ event, subscriber }) => !wanted.get(event)?.includes(subscriber)).length,
    late: late.length,
    added: done.filter((each) => each.subscriber === ADDED.id).length,
    removed: done.filter((each) => each.subscriber === REMOVED.id).length,
  }
}

/** Which subscribers the catalog said, at the commit of each event. */
async function routed(store: Engine): Promise<Map<string, string[]>> {
  const { rows, versions } = await events(store)
  const { subscriptions } = await store.queries.catalog()
  const wanted = new Map<string, string[]>()
  for (const { commitId, data } of rows) {
    const version = versions[commitId] as number
    const current = subscriptions.filter(
      ({ fromVersion, toVersion }) => fromVersion <= version && (toVersion === null || toVersion > version),
    )
    wanted.set(
      (JSON.parse(data as string) as EventData).n,
      current.map(({ id }) => id.split("@")[0] as string),
    )
  }
  return wanted
}

function version(name: string, subscribers: readonly SubscriberPlan[]): Role {
  return { name, works: true, subscribers, emits: null }
}

if (import.meta.main) {
  const result = await deploy({ engine: engineAsked() })
  const { unwanted, late, added, removed } = result
  console.log(inOneLine("deploy", result), JSON.stringify({ unwanted, late, added, removed }))
}
