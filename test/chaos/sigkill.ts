// Promise: SIGKILL at every named point and at random moments loses no acknowledged event.
import { setTimeout as sleep } from "node:timers/promises"
import { settled } from "./observer.ts"
import type { ActorPlan } from "./plans.ts"
import { inOneLine, type Tally, tally } from "./tally.ts"
import { Troupe } from "./troupe.ts"

export const POINTS = [
  "commit.before",
  "commit.middle",
  "commit.after",
  "handler.before",
  "handlers.after",
  "settle.middle",
] as const

export interface SigkillOptions {
  readonly recovery?: boolean
  readonly faults?: readonly string[]
  readonly randomKills?: number
  readonly stillMs?: number
}

const SUBSCRIBERS = [
  { id: "stock", event: "order.placed" },
  { id: "mail", event: "order.placed", policy: { retries: 3, initialBackoffDelay: 50, jitter: 0 } },
]

/** Two processes that emit and handle; one after the other is killed and started again. */
export async function sigkill({
  recovery = true,
  faults = POINTS.map((point, i) => `${point}=kill@${3 + 7 * i}`),
  randomKills = 3,
  stillMs = 6_000,
}: SigkillOptions = {}): Promise<Tally> {
  const troupe = new Troupe({ recovery })
  try {
    const partner = troupe.start(actor("partner"))
    await partner.ready
    for (const fault of faults) {
      const victim = troupe.start(actor("victim"), { fault })
      await Promise.race([victim.ended, sleep(8_000, undefined, { ref: false })])
      await victim.kill()
      troupe.kills++
    }
    for (let i = 0; i < randomKills; i++) {
      const victim = troupe.start(actor("victim"))
      await victim.ready
      await sleep(Math.random() * 300)
      await victim.kill()
      troupe.kills++
    }
    partner.tell("hush")
    await settled(troupe, stillMs)
    await partner.stop()
    return tally(
      troupe,
      SUBSCRIBERS.map((each) => each.id),
    )
  } finally {
    await troupe.close()
  }
}

function actor(name: string): Omit<ActorPlan, "database" | "book" | "mostRepeated"> {
  return {
    name,
    works: true,
    subscribers: SUBSCRIBERS,
    emits: { names: ["order.placed"], each: 5, lanes: 4, pauseMs: 5, failEvery: 50, slowEvery: 97 },
  }
}

if (import.meta.main) console.log(inOneLine("sigkill", await sigkill()))
