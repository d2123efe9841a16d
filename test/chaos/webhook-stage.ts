import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { type Carillon, createCarillon } from "../../src/index.ts"
import { type Entry, readBook } from "./book.ts"
import { jobs } from "./observer.ts"
import type { EmitPlan } from "./plans.ts"
import { type Tally, tally } from "./tally.ts"
import { type Role, Troupe, type TroupeOptions } from "./troupe.ts"
import type { Mood } from "./webhook-receiver.ts"

const RECEIVER = join(import.meta.dirname, "webhook-receiver.ts")

const SENDING = {
  secret: "a-secret-of-a-chaos-program-of-more-than-32-letters",
  webhooks: { network: { allow: ["loopback"] }, restMs: 300, disableAfterMs: false },
} as const

export interface WebhookTally extends Tally {
  readonly sideBySide: number // attempts of one delivery that were under way at the same time
  readonly renamed: number // deliveries whose attempts had not all the same webhook-id
  readonly settledTwice: number // jobs with two delivered attempts in their history
  readonly unrecorded: number // jobs that were delivered without a word of what was sent and answered
}

/** Senders on one store, recipients in a process beside them, and an office that makes the webhooks. */
export class WebhookStage {
  readonly troupe: Troupe
  readonly office: Carillon
  readonly webhooks: readonly string[] // their ids, which are the recipients' paths
  readonly #receiver: ChildProcess

  private constructor(troupe: Troupe, office: Carillon, receiver: ChildProcess, webhooks: readonly string[]) {
    this.troupe = troupe
    this.office = office
    this.#receiver = receiver
    this.webhooks = webhooks
  }

  static async set(options: TroupeOptions, endpoints: number): Promise<WebhookStage> {
    const troupe = await Troupe.gather(options)
    const receiver = fork(RECEIVER, [troupe.book], { execArgv: ["--disable-warning=ExperimentalWarning"] })
    const [{ port }] = (await once(receiver, "message")) as [{ port: number }]
    const { database } = troupe
    const office = await createCarillon({ database, group: "shop", logger: false, ...SENDING })
    const webhooks: string[] = []
    for (let i = 0; i < endpoints; i++) {
      const policy = { delays: Array(30).fill(100), jitter: 0.2, timeout: 2_000, maximumTimeout: 2_000 }
      const recipient = `http://127.0.0.1:${port}/`
      const { id } = await office.webhooks.create({ events: "order.placed", recipient, policy })
      await office.webhooks.update(id, { recipient: `${recipient}${id}` })
      webhooks.push(id)
    }
    return new WebhookStage(troupe, office, receiver, webhooks)
  }

  readonly sender = (name: string, emits: EmitPlan | null = EMITS): Role => {
    return { name, works: true, subscribers: [], emits, options: { ...SENDING, leaseMs: 1_500 } }
  }

  mood(endpoint: string, mood: Mood): void {
    this.#receiver.send({ endpoint, mood })
  }

  async judge(): Promise<WebhookTally> {
    const book = readBook(this.troupe.book)
    const delivered = (await jobs(await this.troupe.store(), { state: "delivered" })).map(({ history }) =>
      history.filter(({ outcome }) => outcome === "delivered"),
    )
    return {
      ...(await tally(this.troupe, this.webhooks)),
      sideBySide: sideBySide(book),
      renamed: renamed(book),
      settledTwice: delivered.filter((attempts) => attempts.length > 1).length,
      unrecorded: delivered.filter(([attempt]) => attempt?.details?.status !== 200).length,
    }
  }

  async strike(): Promise<void> {
    await this.office.stop()
    await this.troupe.close()
    this.#receiver.kill("SIGKILL")
    await once(this.#receiver, "exit")
  }
}

const EMITS: EmitPlan = {
  names: ["order.placed"],
  each: 3,
  lanes: 2,
  pauseMs: 40,
  failEvery: 25,
  slowEvery: 40,
  slowMs: 200,
}

/** Lines are written as things happen: what begins before the one before has ended runs beside it. */
function sideBySide(book: readonly Entry[]): number {
  const running = new Map<string, number>()
  let count = 0
  for (const { verb, event, subscriber } of book) {
    const delivery = `${event} ${subscriber}`
    const before = running.get(delivery) ?? 0
    if (verb === "begin") {
      if (before > 0) count++
      running.set(delivery, before + 1)
    } else if (subscriber !== "") running.set(delivery, before - 1)
  }
  return count
}

function renamed(book: readonly Entry[]): number {
  const begun = book.filter(({ verb }) => verb === "begin")
  const ids = Map.groupBy(begun, ({ event, subscriber }) => `${event} ${subscriber}`)
  return [...ids.values()].filter((each) => new Set(each.map(({ delivery }) => delivery)).size > 1).length
}

export function inOneLine({ sideBySide: beside, renamed: other, settledTwice: twice }: WebhookTally): string {
  return `side by side ${beside}, renamed ${other}, settled twice ${twice}`
}

/** With what beside a loss is a failure of the run. */
export function judged<T extends WebhookTally>(book: T): T & { readonly wrong: readonly string[] } {
  const { sideBySide: beside, renamed: other, settledTwice, unrecorded, open } = book
  const counts = {
    "run side by side": beside,
    "have several ids": other,
    "be settled twice": settledTwice,
    "be delivered without a record": unrecorded,
    "stay open": open.batches + open.parts + open.jobs,
  }
  const wrong = Object.entries(counts).filter(([, count]) => count > 0)
  return { ...book, wrong: wrong.map(([what, count]) => `Expected nothing to ${what}, got ${count}.`) }
}
