// Promise: a rolling deploy under load, with one subscription added and one removed, makes exactly the
// deliveries that the catalog said at each commit.
import { setTimeout as sleep } from "node:timers/promises"
import { openSqlite } from "../../src/engines/sqlite/engine.ts"
import { systemClock } from "../../src/system-clock.ts"
import { readBook } from "./book.ts"
import { read, settled } from "./observer.ts"
import type { ActorPlan, EventData, SubscriberPlan } from "./plans.ts"
import { inOneLine, type Tally, tallyOf } from "./tally.ts"
import { Troupe } from "./troupe.ts"

export interface DeployTally extends Tally {
  readonly unwanted: number // handled though the catalog did not say so when they were emitted
  readonly late: number // emitted after the new subscription stood, and not routed to it
  readonly added: number // deliveries of the new subscription
  readonly removed: number // deliveries of the old one
}

const REMOVED = { id: "stock", event: "order.placed", ms: 25, policy: { concurrency: 4 } }
const KEPT = { id: "mail", event: "order.placed" }
const ADDED = { id: "audit", event: "order.*" }

export async function deploy({ recovery = true, stillMs = 5_000 } = {}): Promise<DeployTally> {
  const troupe = new Troupe({ recovery })
  try {
    const old = [troupe.start(version("old", [REMOVED, KEPT])), troupe.start(version("old", [REMOVED, KEPT]))]
    await Promise.all(old.map((each) => each.ready))
    const producer = troupe.start({
      name: "producer",
      works: false,
      subscribers: [],
      emits: { names: ["order.placed"], each: 3, pauseMs: 6 },
    })
    await sleep(700)

    const [first, second] = [version("new", [KEPT, ADDED]), version("new", [KEPT, ADDED])].map((plan) =>
      troupe.start(plan),
    ) as [(typeof old)[0], (typeof old)[0]]
    await first.ready
    const addedAt = Date.now()
    await sleep(400)
    await old[0]?.kill()
    troupe.kills++
    await removeSubscription(troupe.database, `${REMOVED.id}@${REMOVED.event}`)
    await sleep(300)
    await old[1]?.stop()
    await sleep(300)
    await first.kill()
    troupe.kills++
    await sleep(200)
    producer.tell("hush")
    await settled(troupe, stillMs)
    await Promise.all([producer, second].map((each) => each.stop()))
    return compare(troupe, addedAt)
  } finally {
    await troupe.close()
  }
}

/** What each commit was routed to is in the store; what came of it is in the book. */
function compare(troupe: Troupe, addedAt: number): DeployTally {
  const book = readBook(troupe.book)
  const wanted = new Map<string, string[]>()
  const rows = read(
    troupe.database,
    `SELECT e.data, group_concat(s.id) AS ids FROM events e
     JOIN commits c ON c.commit_id = e.commit_id
     LEFT JOIN subscription_versions v ON v.from_version <= c.catalog_version
       AND (v.to_version IS NULL OR v.to_version > c.catalog_version)
     LEFT JOIN subscriptions s ON s.no = v.subscription
     GROUP BY e.commit_id, e.idx`,
  )
  for (const { data, ids } of rows) {
    const subscribers = ((ids as string | null) ?? "").split(",").map((id) => id.split("@")[0] as string)
    wanted.set((JSON.parse(data as string) as EventData).n, subscribers)
  }
  const done = book.filter((each) => each.verb === "done")
  const late = book.filter(
    ({ verb, event, at }) =>
      verb === "emit" && at > addedAt && wanted.has(event) && !wanted.get(event)?.includes(ADDED.id),
  )
  return {
    // What waited for the removed one is cancelled with it, so only the others must be complete.
    ...tallyOf(book, troupe, (event) => (wanted.get(event) ?? []).filter((id) => id !== REMOVED.id)),
    unwanted: done.filter(({ event, subscriber }) => !wanted.get(event)?.includes(subscriber)).length,
    late: late.length,
    added: done.filter((each) => each.subscriber === ADDED.id).length,
    removed: done.filter((each) => each.subscriber === REMOVED.id).length,
  }
}

async function removeSubscription(path: string, id: string): Promise<void> {
  const engine = await openSqlite({ path, synchronous: "FULL", thread: "main", clock: systemClock })
  await engine.commit([{ kind: "end-subscription", group: "shop", id }])
  await engine.close()
}

function version(
  name: string,
  subscribers: readonly SubscriberPlan[],
): Omit<ActorPlan, "database" | "book" | "mostRepeated"> {
  return { name, works: true, subscribers, emits: null }
}

if (import.meta.main) {
  const result = await deploy()
  const { unwanted, late, added, removed } = result
  console.log(inOneLine("deploy", result), JSON.stringify({ unwanted, late, added, removed }))
}
