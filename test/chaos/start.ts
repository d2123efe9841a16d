// Promise: ten processes that start at once on an empty database all come up, and a database whose
// transactions are serializable by default is as good as any.
import { Cluster, query } from "../support/cluster.ts"
import { postgresFolder } from "../support/programs.ts"
import { settled } from "./observer.ts"
import { inOneLine, type Tally, tally } from "./tally.ts"
import { type Role, Troupe } from "./troupe.ts"

export interface StartTally extends Tally {
  readonly up: number // processes that came up
  readonly subscriptions: number
}

const SUBSCRIBERS = [{ id: "stock", event: "order.placed" }]

/** Each migrates, subscribes, works, and emits a hundred events. */
export async function start({
  processes = 10,
  isolation = "read committed",
}: {
  processes?: number
  isolation?: "read committed" | "serializable"
} = {}): Promise<StartTally> {
  // So many take most connections of a server: where one can be started, others keep theirs.
  const cluster = postgresFolder() === null ? null : await Cluster.start()
  const troupe = await Troupe.gather({ engine: "postgres", database: cluster?.url() })
  try {
    const name = new URL(troupe.database).pathname.slice(1)
    await query(troupe.database, `ALTER DATABASE ${name} SET default_transaction_isolation = '${isolation}'`)
    const actors = Array.from({ length: processes }, (_, i) => troupe.start(worker(`worker${i}`)))
    const up = (await Promise.all(actors.map((actor) => actor.ready))).filter(Boolean).length
    await Promise.all(
      actors.map((actor, i) =>
        actor.ask(
          "emit",
          "emitted",
          Array.from({ length: 100 }, (_, n) => ({ name: "order.placed", data: { n: `ord_${i}-${n}` } })),
        ),
      ),
    )
    await settled(troupe, 5_000)
    await Promise.all(actors.map((actor) => actor.stop()))
    const { subscriptions } = await (await troupe.store()).queries.catalog()
    return {
      ...(await tally(
        troupe,
        SUBSCRIBERS.map((each) => each.id),
      )),
      up,
      subscriptions: subscriptions.length,
    }
  } finally {
    await troupe.close()
    await cluster?.close()
  }
}

function worker(name: string): Role {
  return { name, works: true, subscribers: SUBSCRIBERS, emits: null, options: { leaseMs: 10_000 } }
}

if (import.meta.main) {
  for (const isolation of ["read committed", "serializable"] as const) {
    const result = await start({ isolation })
    console.log(inOneLine(`start (${isolation})`, result), `up ${result.up}`)
  }
}
