import { setTimeout as sleep } from "node:timers/promises"
import { Client } from "pg"
import type { Running, Work } from "../contender.ts"
import type { BenchEvent } from "../payloads.ts"
import { requirePeer } from "../peers.ts"

/** The little of pg-boss that is used here. */
interface PgBossModule {
  PgBoss: new (options: object) => Boss
}

interface Boss {
  start(): Promise<unknown>
  stop(options: object): Promise<void>
  on(event: "error", listener: (error: Error) => void): void
  createQueue(name: string, options: object): Promise<void>
  send(name: string, data: object): Promise<unknown>
  insert(name: string, jobs: { data: object }[]): Promise<unknown>
  work(
    name: string,
    options: object,
    handler: (jobs: { data: BenchEvent }[]) => Promise<unknown>,
  ): Promise<string>
}

/** Its default. With 20 or 50 connections the server spends a little more on each job. */
const POOL = 10
/** Its fastest way to work: jobs fetched and completed 500 at a time, at once again while fetches come back full. */
const WORK = { batchSize: 500, localConcurrency: 2, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 }

/** A queue for each subscriber: pg-boss delivers a job to one worker, and its own `publish` sends to each queue as well. */
export async function start({ role, database, subscribers, settings, handle }: Work): Promise<Running> {
  const { PgBoss } = requirePeer("queues", "pg-boss") as PgBossModule
  const notify = settings.notify === true
  const boss = new PgBoss({ connectionString: database, max: POOL, useListenNotify: notify })
  boss.on("error", (error) => console.error(error))
  await boss.start()
  const names = Array.from({ length: subscribers }, (_, index) => `subscriber-${index}`)
  if (role !== "producer") for (const name of names) await boss.createQueue(name, { notify })
  if (role !== "producer") {
    for (const [subscriber, name] of names.entries()) {
      await boss.work(name, WORK, (jobs) => Promise.all(jobs.map(({ data }) => handle(subscriber, data))))
    }
  }

  return {
    emit: (events) =>
      Promise.all(
        names.map((name) =>
          Array.isArray(events)
            ? boss.insert(
                name,
                events.map((data) => ({ data })),
              )
            : boss.send(name, events),
        ),
      ),
    settled: () => completed(database),
    stop: () => boss.stop({ graceful: true, timeout: 5_000 }),
  }
}

async function completed(database: string): Promise<void> {
  const client = new Client({ connectionString: database })
  await client.connect()
  const open = "SELECT 1 FROM pgboss.job WHERE state < 'completed' LIMIT 1"
  while ((await client.query(open)).rows.length > 0) await sleep(20)
  await client.end()
}
