// Promise: SIGKILL at every named point and at random moments loses no acknowledged event.
import { setTimeout as sleep } from "node:timers/promises"
import { TcpProxy } from "../support/proxy.ts"
import { settled } from "./observer.ts"
import { type EngineName, engineAsked } from "./store.ts"
import { inOneLine, type Tally, tally } from "./tally.ts"
import { type Actor, type Role, Troupe } from "./troupe.ts"

/** Where a process kills itself. In the middle of a commit on a server it is killed from outside. */
export const POINTS = {
  sqlite: [
    "commit.before",
    "commit.middle",
    "commit.after",
    "handler.before",
    "handlers.after",
    "settle.middle",
  ],
  postgres: ["commit.before", "commit.after", "handler.before", "handlers.after"],
} as const

/** What a server is at work on when who asked for it is killed. */
const STATEMENTS = {
  sqlite: [],
  postgres: [".append(", ".settle_batches(", ".settle_jobs("],
} as const

export interface SigkillOptions {
  readonly engine?: EngineName
  readonly recovery?: boolean
  readonly faults?: readonly string[]
  readonly statements?: readonly string[]
  readonly randomKills?: number
  readonly stillMs?: number
}

const SUBSCRIBERS = [
  { id: "stock", event: "order.placed" },
  { id: "mail", event: "order.placed", policy: { retries: 3, initialBackoffDelay: 50, jitter: 0 } },
]

/** Two processes that emit and handle; one after the other is killed and started again. */
export async function sigkill({
  engine = "sqlite",
  recovery = true,
  faults = POINTS[engine].map((point, i) => `${point}=kill@${3 + 7 * i}`),
  statements = STATEMENTS[engine],
  randomKills = 3,
  stillMs = 6_000,
}: SigkillOptions = {}): Promise<Tally> {
  const troupe = await Troupe.gather({ engine, recovery })
  try {
    const partner = troupe.start(actor("partner"))
    await partner.ready
    for (const fault of faults) {
      const victim = troupe.start(actor("victim"), { fault })
      await end(troupe, victim)
    }
    for (const words of statements) await killDuring(troupe, words)
    for (let i = 0; i < randomKills; i++) {
      const victim = troupe.start(actor("victim"))
      await victim.ready
      await sleep(Math.random() * 300)
      await victim.kill()
      troupe.kills++
    }
    await partner.hush()
    await settled(troupe, stillMs)
    await partner.stop()
    return await tally(
      troupe,
      SUBSCRIBERS.map((each) => each.id),
    )
  } finally {
    await troupe.close()
  }
}

async function killDuring(troupe: Troupe, words: string): Promise<void> {
  const proxy = await TcpProxy.open(troupe.database)
  try {
    const victim = troupe.start({ ...actor("victim"), database: proxy.url })
    const matches = (sql: string) => sql.includes(words)
    void proxy.at({ matches, when: "sent", nth: 5, act: () => victim.signal("SIGKILL") })
    await end(troupe, victim)
  } finally {
    await proxy.close()
  }
}

/** It dies where it should; who does not get there dies as well. */
async function end(troupe: Troupe, victim: Actor): Promise<void> {
  await Promise.race([victim.ended, sleep(8_000, undefined, { ref: false })])
  await victim.kill()
  troupe.kills++
}

function actor(name: string): Role {
  return {
    name,
    works: true,
    subscribers: SUBSCRIBERS,
    emits: { names: ["order.placed"], each: 5, lanes: 4, pauseMs: 5, failEvery: 50, slowEvery: 97 },
  }
}

if (import.meta.main) console.log(inOneLine("sigkill", await sigkill({ engine: engineAsked() })))
