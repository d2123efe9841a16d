// Promise: events of one key are handled in the order of their emits, whoever dies, and no key gets stuck.
import { setTimeout as sleep } from "node:timers/promises"
import type { Entry } from "./book.ts"
import { readBook } from "./book.ts"
import { settled } from "./observer.ts"
import { type EngineName, engineAsked } from "./store.ts"
import { inOneLine, type Tally, tally } from "./tally.ts"
import { type Role, Troupe } from "./troupe.ts"

export interface OrderTally extends Tally {
  readonly outOfOrder: number // first effects of a key that came before an earlier event's
  readonly together: number // attempts of one key that ran at one time in one process
  readonly keys: number
}

export interface OrderOptions {
  readonly engine?: EngineName
  readonly recovery?: boolean
  readonly kills?: number
  readonly fault?: string // where those that are killed die; at some moment when left out
  readonly stillMs?: number
}

const SUBSCRIBERS = [
  {
    id: "ledger",
    event: "order.*",
    policy: { order: "hold", retries: 5, initialBackoffDelay: 20, jitter: 0 },
  },
] as const

/** Two emitters, three workers of which two are killed by turns, a hot key, failures; frozen ones stand for pauses. */
export async function order({
  engine = "sqlite",
  recovery = true,
  kills = 6,
  fault,
  stillMs = 6_000,
}: OrderOptions = {}): Promise<OrderTally> {
  const troupe = await Troupe.gather({ engine, recovery })
  try {
    const steady = troupe.start(worker("steady"))
    await steady.ready
    const emitters = [troupe.start(emitter("east")), troupe.start(emitter("west"))]
    let victims = [troupe.start(worker("first"), { fault }), troupe.start(worker("second"), { fault })]
    for (let i = 0; i < kills; i++) {
      const [next, other] = victims as [(typeof victims)[0], (typeof victims)[0]]
      await Promise.all([next.ready, other.ready])
      if (fault === undefined) await sleep(150 + Math.random() * 300)
      else await Promise.race([next.ended, sleep(5_000, undefined, { ref: false })])
      if (i === 2) {
        other.signal("SIGSTOP")
        await sleep(1_500)
        other.signal("SIGCONT")
      }
      await next.kill()
      troupe.kills++
      victims = [other, troupe.start(worker("again"), { fault })]
    }
    await Promise.all(emitters.map((each) => each.hush()))
    await settled(troupe, stillMs)
    const book = readBook(troupe.book)
    await Promise.all([steady, ...victims, ...emitters].map((each) => each.stop()))
    return {
      ...(await tally(
        troupe,
        SUBSCRIBERS.map((each) => each.id),
      )),
      cap: (kills + 1) * troupe.mostRepeated,
      ...orderOf(book),
    }
  } finally {
    await troupe.close()
  }
}

/** Each emitter awaits each emit, so the order of its acknowledgements is the order that is promised. */
function orderOf(book: readonly Entry[]): Pick<OrderTally, "outOfOrder" | "together" | "keys"> {
  const reached = new Map<string, number>()
  const seen = new Set<string>()
  const running = new Map<string, number>()
  let outOfOrder = 0
  let together = 0
  for (const { verb, event, subscriber, who } of book) {
    if (subscriber === "") continue
    const [emitterName, key, no] = partsOf(event)
    const lane = `${emitterName} ${key}`
    const place = `${who} ${key}`
    const now = (running.get(place) ?? 0) + (verb === "begin" ? 1 : -1)
    running.set(place, now)
    if (now > 1) together++
    if (verb !== "done" || seen.has(event)) continue
    seen.add(event)
    if (no < (reached.get(lane) ?? 0)) outOfOrder++
    reached.set(lane, no)
  }
  return { outOfOrder, together, keys: reached.size }
}

/** `east.1234-17~hot`: who emitted it, its key, its number. */
function partsOf(event: string): [emitter: string, key: string, no: number] {
  const [name, key] = event.split("~") as [string, string]
  const at = name.lastIndexOf("-")
  return [name.slice(0, at), key, Number(name.slice(at + 1))]
}

function worker(name: string): Role {
  return { name, works: true, subscribers: SUBSCRIBERS, emits: null }
}

function emitter(name: string): Role {
  return {
    name,
    works: false,
    subscribers: [],
    emits: {
      names: ["order.placed", "order.paid"],
      keys: 20,
      pauseMs: 8,
      failEvery: 29,
      slowEvery: 31,
      slowMs: 40,
    },
  }
}

if (import.meta.main) {
  const result = await order({ engine: engineAsked() })
  console.log(inOneLine("order", result), `keys ${result.keys}, out of order ${result.outOfOrder}`)
}
