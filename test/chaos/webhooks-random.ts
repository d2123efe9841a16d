// Promise: whatever becomes of endpoints and webhooks while events are sent, outages, pauses, new secrets and killed
// senders, each event arrives at each endpoint in the end, and nothing stays open.
import { setTimeout as sleep } from "node:timers/promises"
import { chance } from "./chance.ts"
import { settled } from "./observer.ts"
import { type EngineName, engineAsked } from "./store.ts"
import { inOneLine } from "./tally.ts"
import type { Actor } from "./troupe.ts"
import type { Mood } from "./webhook-receiver.ts"
import { inOneLine as moreInOneLine, WebhookStage, type WebhookTally } from "./webhook-stage.ts"

export interface RandomWebhooksTally extends WebhookTally {
  readonly seed: number
  readonly rests: number // how often an endpoint was seen to rest
}

export interface RandomWebhooksOptions {
  readonly engine?: EngineName
  readonly seed: number
  readonly steps?: number
  readonly stillMs?: number
}

const ENDPOINTS = 4
const MOODS: readonly Mood[] = ["well", "down", "asking", "hanging"]
const STEPS = ["mood", "mood", "pause", "resume", "disable", "enable", "rotate", "terms", "kill"] as const
type Step = (typeof STEPS)[number]

/** Two senders; one of them is killed now and then, while everything is done to endpoints and webhooks. */
export async function randomWebhooks({
  engine = "sqlite",
  seed,
  steps = 30,
  stillMs = 20_000,
}: RandomWebhooksOptions): Promise<RandomWebhooksTally> {
  const stage = await WebhookStage.set({ engine }, ENDPOINTS)
  const play = new Play(stage, chance(seed))
  try {
    await play.begin()
    for (let step = 0; step < steps; step++) await play.next()
    await play.calm()
    await settled(stage.troupe, stillMs)
    await play.end()
    return { ...(await stage.judge()), seed, rests: play.rests }
  } finally {
    await stage.strike()
  }
}

class Play {
  rests = 0
  readonly #stage: WebhookStage
  readonly #draw: (below: number) => number
  #cast: Actor[] = []

  constructor(stage: WebhookStage, draw: (below: number) => number) {
    this.#stage = stage
    this.#draw = draw
  }

  async begin(): Promise<void> {
    this.#cast = ["early", "late"].map((name) => this.#start(name))
    await Promise.all(this.#cast.map((actor) => actor.begun()))
  }

  async next(): Promise<void> {
    const { webhooks, office } = this.#stage
    const id = webhooks[this.#draw(webhooks.length)] as string
    await this.#play(STEPS[this.#draw(STEPS.length)] as Step, id)
    await sleep(50 + this.#draw(400))
    this.rests += (await office.webhooks.list()).filter(({ state }) => state === "resting").length
  }

  /** Everything is well again, and nothing more is emitted. */
  async calm(): Promise<void> {
    const { webhooks, office } = this.#stage
    await Promise.all(this.#cast.map((actor) => actor.hush()))
    for (const id of webhooks) {
      this.#stage.mood(id, "well")
      await office.webhooks.enable(id)
      await office.webhooks.resume(id)
    }
  }

  async end(): Promise<void> {
    await Promise.all(this.#cast.map((actor) => actor.stop()))
  }

  async #play(step: Step, id: string): Promise<void> {
    const { webhooks } = this.#stage.office
    if (step === "mood") this.#stage.mood(id, MOODS[this.#draw(MOODS.length)] as Mood)
    else if (step === "pause") await webhooks.pause(id)
    else if (step === "resume") await webhooks.enable(id).then(() => webhooks.resume(id))
    else if (step === "disable") await webhooks.disable(id, { detail: "for a moment" })
    else if (step === "enable") await webhooks.enable(id)
    else if (step === "rotate") await webhooks.rotateSecret(id, { overlapMs: this.#draw(500) })
    else if (step === "terms") await webhooks.update(id, { policy: { concurrency: 1 + this.#draw(8) } })
    else await this.#replace(this.#draw(this.#cast.length))
  }

  async #replace(at: number): Promise<void> {
    await this.#cast[at]?.kill()
    this.#stage.troupe.kills++
    this.#cast[at] = this.#start(at === 0 ? "early" : "late")
    await this.#cast[at]?.begun()
  }

  #start(name: string): Actor {
    return this.#stage.troupe.start(this.#stage.sender(name))
  }
}

if (import.meta.main) {
  const seed = Date.now() % 1_000_000
  const book = await randomWebhooks({ engine: engineAsked(), seed })
  console.log(inOneLine(`webhooks random ${seed}`, book), moreInOneLine(book), `rests ${book.rests}`)
}
