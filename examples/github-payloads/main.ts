import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { isDeepStrictEqual, parseArgs } from "node:util"
// In a project of your own: from "carillon".
import { type Carillon, createCarillon, defineEvent, SchemaError } from "../../src/index.ts"
import { expectedSums, sumsOf } from "./books.ts"
import { type RecordedWebhook, recordedWebhooks } from "./recorded.ts"
import { schemas } from "./schemas.ts"
import { idOf, type Subscriber, subscribe, subscribers } from "./subscribers.ts"

const PRODUCERS = 100
const PATIENCE_MS = 60_000

const { values: options } = parseArgs({ options: { events: { type: "string", default: "20000" } } })
const total = Number(options.events)
const directory = mkdtempSync(join(tmpdir(), "github-payloads-"))
const carillon = await createCarillon({
  database: `file:${join(directory, "carillon.db")}`,
  logger: false,
  definitions: Object.entries(schemas).map(([name, schema]) => defineEvent(`github.${name}`, schema)),
  onlyDefined: true,
})

const receivers = subscribers()
for (const receiver of receivers) subscribe(carillon, receiver)
await carillon.start()

const webhooks = recordedWebhooks()
const startedAt = performance.now()
await emitAll(carillon, webhooks)
const emittedMs = performance.now() - startedAt
await everyOutcome(receivers)
await carillon.drain()
const settledMs = performance.now() - startedAt
const wasRefused = await refuses(carillon, { name: "push", payload: { ref: "main", commits: "none" } })
await carillon.stop()
rmSync(directory, { recursive: true })

process.exitCode = report() && wasRefused ? 0 : 1

/** The recorded webhooks over and over, each with an id of its own, a hundred emits in flight. */
async function emitAll({ events }: Carillon, recorded: readonly RecordedWebhook[]): Promise<void> {
  let next = 0
  const producer = async () => {
    while (next < total) {
      const webhook = next++
      const { name, payload } = recorded[webhook % recorded.length] as RecordedWebhook
      await events.emit({ name: `github.${name}`, data: payload, id: idOf(webhook) })
    }
  }
  await Promise.all(Array.from({ length: PRODUCERS }, producer))
}

/** Until each subscriber has each webhook or has given it up; `drain` alone does not wait for retries. */
async function everyOutcome(all: readonly Subscriber[]): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  const isDone = ({ book }: Subscriber) => book.delivered.size + book.dead.size === total
  while (!all.every(isDone) && performance.now() < deadline) await sleep(20)
}

/** A webhook that is not what GitHub sends is refused before anything is written. */
async function refuses({ events }: Carillon, { name, payload }: RecordedWebhook): Promise<boolean> {
  try {
    await events.emit({ name: `github.${name}`, data: payload })
    return false
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error
    console.log(`Refused, as it should be: ${error.message}\n`)
    return true
  }
}

function report(): boolean {
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`
  const count = (value: number) => value.toLocaleString("en")
  const perSecond = Math.round((total / settledMs) * 1_000)
  console.log(
    `${count(total)} webhooks of ${Object.keys(schemas).length} kinds emitted in ${seconds(emittedMs)}, ` +
      `all settled after ${seconds(settledMs)}: ${count(perSecond)} a second, ${count(perSecond * receivers.length)} deliveries.`,
  )

  const verdicts = receivers.map(({ id, book, attemptsAllowed, fails }) => {
    const sums = sumsOf(book)
    const isRight = isDeepStrictEqual(sums, expectedSums(total, attemptsAllowed, fails))
    return { subscriber: id, emitted: total, ...sums, books: isRight ? "agree" : "DO NOT AGREE" }
  })
  console.table(verdicts)
  return verdicts.every(({ books }) => books === "agree")
}
