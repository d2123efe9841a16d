// Promise: a subscription that hangs and one that is paused keep nobody else waiting and fill neither the
// heap nor the file with anything but what waits.

import { DatabaseSync } from "node:sqlite"
import { setTimeout as sleep } from "node:timers/promises"
import type { Engine } from "../../src/engine/engine.ts"
import { readBook } from "./book.ts"
import { type Actor, Troupe } from "./troupe.ts"

export interface HeapReport {
  readonly heapMiB: readonly number[] // after each round, once everything that can be collected is
  readonly handled: number // by the subscription that neither hangs nor is paused
  readonly emitted: number
  readonly closedParts: number // rows that moving what waits has left behind
  readonly waiting: number // deliveries of the hung and the paused one
}

const SUBSCRIBERS = [
  { id: "stock", event: "order.placed" },
  { id: "hung", event: "order.placed", ms: 600_000, policy: { timeout: 300_000, concurrency: 10 } },
  { id: "paused", event: "order.placed" },
]

export async function heap({ rounds = 5, emits = 40, each = 50, restMs = 900 } = {}): Promise<HeapReport> {
  const troupe = await Troupe.gather()
  try {
    const worker = troupe.start(
      { name: "worker", works: true, subscribers: SUBSCRIBERS, emits: null },
      { execArgv: ["--expose-gc"] },
    )
    await worker.ready
    await pause(await troupe.store())
    await sleep(200)
    const heapMiB: number[] = []
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < emits; i++) await emit(worker, `${round}-${i}`, each)
      await sleep(restMs)
      const { heap: bytes } = await worker.ask<{ heap: number }>("heap", "heap")
      heapMiB.push(Math.round((bytes / 2 ** 20) * 10) / 10)
    }
    await worker.kill()
    const book = readBook(troupe.book)
    const row = read(
      troupe.database,
      `SELECT (SELECT count(*) FROM parts WHERE state = 2) AS closed,
              (SELECT coalesce(sum(size), 0) FROM parts WHERE state < 2)
                + (SELECT count(*) FROM jobs WHERE state < 2) AS waiting`,
    )
    return {
      heapMiB,
      handled: book.filter((entry) => entry.verb === "done" && entry.subscriber === "stock").length,
      emitted: rounds * emits * each,
      closedParts: row.closed as number,
      waiting: row.waiting as number,
    }
  } finally {
    await troupe.close()
  }
}

function emit(worker: Actor, name: string, each: number): Promise<unknown> {
  const events = Array.from({ length: each }, (_, i) => ({
    name: "order.placed",
    data: { n: `${name}-${i}` },
  }))
  return worker.ask("emit", "emitted", events)
}

async function pause(engine: Engine): Promise<void> {
  await engine.commit([
    {
      kind: "put-subscription",
      group: "shop",
      id: "paused@order.placed",
      worker: null,
      definition: { paused: true },
      startAt: null,
      keepPaused: false,
    },
  ])
}

function read(path: string, sql: string): Record<string, unknown> {
  const db = new DatabaseSync(path, { readOnly: true, timeout: 10_000 })
  try {
    return db.prepare(sql).get() as Record<string, unknown>
  } finally {
    db.close()
  }
}

if (import.meta.main)
  console.log("heap:", JSON.stringify(await heap({ rounds: Number(process.argv[2] ?? 8) })))
