// Promise: a handler that ends just before, at, and just after its batch is spilled has one outcome,
// and no second attempt ever runs beside the first.
import { setTimeout as sleep } from "node:timers/promises"
import { readBook } from "./book.ts"
import { jobs, settled } from "./observer.ts"
import { type EngineName, engineAsked } from "./store.ts"
import { inOneLine, type Tally, tally } from "./tally.ts"
import { Troupe } from "./troupe.ts"

export interface SpillTally extends Tally {
  readonly sideBySide: number // attempts that began while another of the same delivery ran
  readonly spilled: number // deliveries that became jobs
  readonly disagreeing: number // jobs whose last attempt is not what their state says
}

const SPILL_MS = 250

/** `hold` keeps the spill's commit open for a second while handlers end and other processes look for work. */
export async function spill({
  engine = "sqlite",
  hold = true,
}: {
  engine?: EngineName
  hold?: boolean
} = {}): Promise<SpillTally> {
  const troupe = await Troupe.gather({ engine })
  try {
    const sibling = troupe.start({ name: "sibling", works: true, subscribers: subscribers(), emits: null })
    await sibling.ready
    const owner = troupe.start(
      { name: "owner", works: true, subscribers: subscribers(), emits: null, options: { leaseMs: 5_000 } },
      hold ? { fault: "settle.middle=hold@1,spill.after=hold@9" } : {},
    )
    await owner.ready
    for (let round = 0; round < 3; round++) {
      const around = [-40, -15, -5, -2, 0, 2, 5, 15, 40, 600, 1_100]
      await owner.ask(
        "emit",
        "emitted",
        around.flatMap((offset, i) => [
          { name: "order.placed", data: { n: `${round}-${i}`, ms: SPILL_MS + offset } },
          { name: "order.placed", data: { n: `${round}-${i}-fails`, ms: SPILL_MS + offset, fails: 1 } },
        ]),
      )
      await sleep(900)
    }
    await settled(troupe, 6_000)
    const running = new Map<string, number>()
    let sideBySide = 0
    for (const { verb, delivery } of readBook(troupe.book)) {
      if (delivery === "") continue
      const now = (running.get(delivery) ?? 0) + (verb === "begin" ? 1 : -1)
      if (verb === "begin" && now > 1) sideBySide++
      running.set(delivery, now)
    }
    const spilled = await jobs(await troupe.store())
    const result = {
      ...(await tally(
        troupe,
        subscribers().map((each) => each.id),
      )),
      sideBySide,
      spilled: spilled.length,
      disagreeing: spilled.filter(
        ({ state, history }) => state !== "delivered" || history.at(-1)?.outcome !== "delivered",
      ).length,
    }
    await Promise.all([owner.stop(), sibling.stop()])
    return result
  } finally {
    await troupe.close()
  }
}

function subscribers() {
  const policy = { retries: 2, initialBackoffDelay: 0 }
  return [
    { id: "stock", event: "order.placed", policy },
    { id: "mail", event: "order.placed", policy },
  ]
}

if (import.meta.main) {
  const result = await spill({ engine: engineAsked() })
  console.log(inOneLine("spill", result), `spilled ${result.spilled}, side by side ${result.sideBySide}`)
}
