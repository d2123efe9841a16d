// Promise: SIGKILL of senders under load loses no webhook of an event that was acknowledged: it arrives at each
// endpoint, again and again under one id, and never twice at a time.
import { setTimeout as sleep } from "node:timers/promises"
import { settled } from "./observer.ts"
import { type EngineName, engineAsked } from "./store.ts"
import { inOneLine } from "./tally.ts"
import type { Actor } from "./troupe.ts"
import { inOneLine as moreInOneLine, WebhookStage, type WebhookTally } from "./webhook-stage.ts"

export interface WebhooksOptions {
  readonly engine?: EngineName
  readonly recovery?: boolean
  readonly endpoints?: number
  readonly faults?: readonly string[]
  readonly randomKills?: number
  readonly stillMs?: number
}

/** Before an event is written, before it is sent, when it was answered and nobody knows of it, and when that is written. */
const FAULTS = [
  "commit.before=kill@20",
  "handler.before=kill@30",
  "notify.after=kill@25",
  "notify.after=kill@90",
  "commit.after=kill@40",
] as const

/** Two processes that emit and send to the same endpoints; one after the other is killed and started again. */
export async function webhooks({
  engine = "sqlite",
  recovery = true,
  endpoints = 3,
  faults = FAULTS,
  randomKills = 2,
  stillMs = 8_000,
}: WebhooksOptions = {}): Promise<WebhookTally> {
  const stage = await WebhookStage.set({ engine, recovery }, endpoints)
  const { troupe } = stage
  try {
    const partner = troupe.start(stage.sender("partner"))
    await partner.begun()
    for (const fault of faults) await end(stage, troupe.start(stage.sender("victim"), { fault }))
    for (let i = 0; i < randomKills; i++) {
      const victim = troupe.start(stage.sender("victim"))
      await end(stage, victim, 200 + Math.random() * 500)
    }
    await partner.hush()
    await settled(troupe, stillMs)
    await partner.stop()
    return await stage.judge()
  } finally {
    await stage.strike()
  }
}

/** It dies where it should; who does not get there dies as well. */
async function end({ troupe }: WebhookStage, victim: Actor, withinMs = 8_000): Promise<void> {
  await victim.ready
  await Promise.race([victim.ended, sleep(withinMs, undefined, { ref: false })])
  await victim.kill()
  troupe.kills++
}

if (import.meta.main) {
  const book = await webhooks({ engine: engineAsked() })
  console.log(inOneLine("webhooks", book), moreInOneLine(book))
}
