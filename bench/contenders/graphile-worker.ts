import { setTimeout as sleep } from "node:timers/promises"
import { Pool } from "pg"
import type { Running, Work } from "../contender.ts"
import type { BenchEvent } from "../payloads.ts"
import { requirePeer } from "../peers.ts"

/** The little of graphile-worker that is used here. */
interface GraphileWorker {
  run(options: object): Promise<{ stop(): Promise<void> }>
  makeWorkerUtils(options: object): Promise<Utils>
  Logger: new (factory: () => () => void) => unknown
}

interface Utils {
  addJob(task: string, payload: object): Promise<unknown>
  addJobs(jobs: { identifier: string; payload: object }[]): Promise<unknown>
  release(): Promise<void>
}

/**
 * What its page on performance sets, with a longer local queue and 50 handlers at once: on these events that is somewhat
 * faster than its 500 and 24.
 */
const TUNED = {
  concurrentJobs: 50,
  localQueue: { size: 1_000 },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0,
}
/** Without any of that each handler fetches and completes its own jobs. */
const DEFAULT = { concurrentJobs: 24 }
const POOL = 25

/** A task for each subscriber, and a job for each of them: `addJobs` writes all of an event's in one statement. */
export async function start({ role, database, subscribers, settings, handle }: Work): Promise<Running> {
  const graphile = requirePeer("queues", "graphile-worker") as GraphileWorker
  const pool = new Pool({ connectionString: database, max: POOL })
  // Its own log goes to the standard output, where nobody reads it and each line costs.
  const logger = new graphile.Logger(() => () => {})
  const names = Array.from({ length: subscribers }, (_, index) => `subscriber-${index}`)
  const utils = await graphile.makeWorkerUtils({ pgPool: pool, logger })
  const runner =
    role === "producer"
      ? null
      : await graphile.run({
          pgPool: pool,
          noHandleSignals: true,
          taskList: Object.fromEntries(
            names.map((name, subscriber) => [name, (event: BenchEvent) => handle(subscriber, event)]),
          ),
          preset: { worker: { ...(settings.batched ? TUNED : DEFAULT), maxPoolSize: POOL, logger } },
        })

  return {
    emit: (events) =>
      Array.isArray(events) || subscribers > 1
        ? utils.addJobs(
            [events].flat().flatMap((payload) => names.map((identifier) => ({ identifier, payload }))),
          )
        : utils.addJob(names[0] ?? "", events),
    settled: async () => {
      const open = "SELECT 1 FROM graphile_worker.jobs LIMIT 1"
      while ((await pool.query(open)).rows.length > 0) await sleep(20)
    },
    stop: async () => {
      await runner?.stop()
      await utils.release()
      await pool.end()
    },
  }
}
