import { setTimeout as sleep } from "node:timers/promises"
import type { Running, Work } from "../contender.ts"
import type { BenchEvent } from "../payloads.ts"
import { requirePeer } from "../peers.ts"
import { redisConnection } from "../redis.ts"

/** The little of BullMQ that is used here. Its own types are not at hand: the peers are installed on demand. */
interface BullMq {
  Queue: new (name: string, options: object) => Queue
  Worker: new (name: string, work: (job: { data: BenchEvent }) => Promise<void>, options: object) => Worker
}

interface Queue {
  add(name: string, data: BenchEvent, options: object): Promise<unknown>
  addBulk(jobs: { name: string; data: BenchEvent; opts: object }[]): Promise<unknown>
  getJobCountByTypes(...types: string[]): Promise<number>
  obliterate(options: { force: boolean }): Promise<void>
  close(): Promise<void>
}

interface Worker {
  waitUntilReady(): Promise<unknown>
  close(): Promise<void>
}

const JOB = { removeOnComplete: true }

/** A queue and a worker for each subscriber: BullMQ delivers a job to one worker, so fan-out is adding it to each queue. */
export async function start({ subscribers, settings, handle }: Work): Promise<Running> {
  const bullmq = requirePeer("bullmq") as BullMq
  const options = { connection: redisConnection, prefix: "carillon-bench" }
  const names = Array.from({ length: subscribers }, (_, index) => `subscriber-${index}`)
  const queues = names.map((name) => new bullmq.Queue(name, options))
  // What a run that was killed left behind.
  await obliterate(queues)
  const workers = names.map(
    (name, subscriber) =>
      new bullmq.Worker(name, (job) => handle(subscriber, job.data), {
        ...options,
        concurrency: settings.concurrency ?? 50,
      }),
  )
  await Promise.all(workers.map((worker) => worker.waitUntilReady()))

  return {
    emit: (events) =>
      Promise.all(
        queues.map((queue) =>
          Array.isArray(events)
            ? queue.addBulk(events.map((data) => ({ name: data.name, data, opts: JOB })))
            : queue.add(events.name, events, JOB),
        ),
      ),
    settled: () => emptied(queues),
    stop: async () => {
      await Promise.all(workers.map((worker) => worker.close()))
      await obliterate(queues)
      await Promise.all(queues.map((queue) => queue.close()))
    },
  }
}

async function obliterate(queues: readonly Queue[]): Promise<void> {
  for (const queue of queues) await queue.obliterate({ force: true })
}

async function emptied(queues: readonly Queue[]): Promise<void> {
  for (const queue of queues) {
    while ((await queue.getJobCountByTypes("waiting", "active", "prioritized")) > 0) await sleep(5)
  }
}
