import { median } from "../gauges.ts"
import type { DeliverOrder } from "./carillon.ts"
import { Child } from "./child.ts"
import type { Sent } from "./meter.ts"
import { type StorePlace, withDatabase } from "./place.ts"
import type { ReceiverBook } from "./receiver.ts"
import type { SenderName, SendOrder } from "./sender.ts"

export interface ThroughputOptions {
  readonly place: StorePlace
  readonly rounds: number
  readonly deliveries: number
  readonly only: string | undefined // one case by its name
}

/** Attempts under way at a time, of every contender: what ten endpoints have by default. */
const AT_ONCE = 100
const PRODUCERS = 100

interface Case {
  readonly name: string
  readonly title: string
  readonly endpoints: number
  readonly toAll: boolean
}

const CASES: readonly Case[] = [
  { name: "one", title: "one endpoint", endpoints: 1, toAll: false },
  { name: "ten", title: "ten endpoints, an event for each", endpoints: 10, toAll: false },
  { name: "fan-out", title: "ten endpoints, each event for all", endpoints: 10, toAll: true },
]

const CONTENDERS = ["plain undici", "guarded undici", "our sender", "Carillon"] as const
type Contender = (typeof CONTENDERS)[number]

const SENDERS: Readonly<Record<Exclude<Contender, "Carillon">, SenderName>> = {
  "plain undici": "plain",
  "guarded undici": "guarded",
  "our sender": "carillon",
}

export async function measureThroughput(options: ThroughputOptions): Promise<void> {
  for (const one of CASES.filter(({ name }) => options.only === undefined || options.only === name)) {
    const rounds = new Map<Contender, Sent[]>(CONTENDERS.map((each) => [each, []]))
    for (let round = 0; round <= options.rounds; round++) {
      for (const contender of round % 2 === 0 ? CONTENDERS : CONTENDERS.toReversed()) {
        const sent = await measure(contender, one, options)
        if (round > 0) rounds.get(contender)?.push(sent)
      }
    }
    report(one, options, rounds)
  }
}

async function measure(
  contender: Contender,
  one: Case,
  { place, deliveries }: ThroughputOptions,
): Promise<Sent> {
  const receiver = new Child("receiver.ts", [String(one.endpoints)])
  const { ports } = await receiver.next<{ ports: readonly number[] }>()
  const recipients = ports.map((port) => `http://127.0.0.1:${port}/ok/`)
  try {
    const sent =
      contender === "Carillon"
        ? await byCarillon(place, {
            kind: "deliver",
            recipients,
            deliveries,
            concurrency: AT_ONCE / one.endpoints,
            toAll: one.toAll,
            producers: PRODUCERS,
          })
        : await bySender(SENDERS[contender], { recipients, requests: deliveries, concurrency: AT_ONCE })
    const { distinct } = await receiver.ask<ReceiverBook>("book")
    if (distinct < deliveries) throw new Error(`${contender}: only ${distinct} of ${deliveries} arrived.`)
    return sent
  } finally {
    await receiver.end()
  }
}

async function bySender(name: SenderName, order: SendOrder): Promise<Sent> {
  return within(new Child("sender.ts", [name]), order)
}

async function byCarillon(place: StorePlace, order: DeliverOrder): Promise<Sent> {
  return withDatabase(place, (database) => within(new Child("carillon.ts", [database]), order))
}

export async function within<T>(child: Child, order: unknown): Promise<T> {
  await child.next()
  try {
    return await child.ask<T>(order)
  } finally {
    await child.end()
  }
}

function report(
  { title }: Case,
  { place, rounds, deliveries }: ThroughputOptions,
  all: ReadonlyMap<Contender, readonly Sent[]>,
): void {
  const guarded = all.get("guarded undici") ?? []
  console.log(`\n${title}, ${place.store}: median of ${rounds} rounds of ${deliveries} deliveries`)
  for (const [name, sent] of all) {
    const rates = sent.map(({ perSecond }) => perSecond).sort((a, b) => a - b)
    const shares = sent.map(({ perSecond }, round) => perSecond / (guarded[round]?.perSecond ?? Number.NaN))
    const of = (pick: (one: Sent) => number): string => median(sent.map(pick)).toFixed(1)
    const [main, cpu, loop] = [
      of((one) => one.mainMicros),
      of((one) => one.cpuMicros),
      of((one) => one.loopP99Ms),
    ]
    const range = `${rates[0]?.toFixed(0)} – ${rates.at(-1)?.toFixed(0)}`
    console.log(
      `  ${name.padEnd(15)} ${median(rates).toFixed(0).padStart(6)}/s (${range})  ${(median(shares) * 100).toFixed(0).padStart(3)} % of guarded  CPU ${main} µs, with all threads ${cpu} µs  loop p99 ${loop} ms`,
    )
  }
}
