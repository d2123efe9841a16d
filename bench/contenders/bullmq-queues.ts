import { setTimeout as sleep } from "node:timers/promises"
import type { Running, Work } from "../contender.ts"
import type { BenchEvent } from "../payloads.ts"

/** The little of BullMQ that is used here. Its own types are not at hand: the peers are installed on demand. */
export interface BullMq {
  Queue: new (name: string, options: object, backend?: unknown) => Queue
  Worker: new (
    name: string,
    work: (job: { data: BenchEvent }) => Promise<void>,
    options: object,
    backend?: unknown,
  ) => Worker
  createPostgresBackend: unknown
}

interface Queue {
  add(name: string, data: BenchEvent, options: object): Promise<unknown>
  addBulk(jobs: { name: string; data: BenchEvent; opts: object }[]): Promise<unknown>
  getJobCountByTypes(...types: string[]): Promise<number>
  obliterate(options: { force: boolean }): Promise<void>
  waitUntilReady(): Promise<unknown>
  close(): Promise<void>
}

interface Worker {
  waitUntilReady(): Promise<unknown>
  close(): Promise<void>
}

const JOB = { removeOnComplete: true }

/** How queues and workers reach what they are kept in. */
export interface Reach {
  readonly options: object
  readonly backend?: unknown
}

/** A queue and a worker for each subscriber: BullMQ delivers a job to one worker, so fan-out is adding it to each queue. */
export async function startQueues(
  bullmq: BullMq,
  { role, subscribers, settings, handle }: Work,
  { options, backend }: Reach,
): Promise<Running> {
  const names = Array.from({ length: subscribers }, (_, index) => `subscriber-${index}`)
  const queues = names.map((name) => new bullmq.Queue(name, options, backend))
  for (const queue of queues) await queue.waitUntilReady()
  // What a run that was killed left behind.
  if (role !== "producer") await obliterate(queues)
  const workers = (role === "producer" ? [] : names).map(
    (name, subscriber) =>
      new bullmq.Worker(
        name,
        (job) => handle(subscriber, job.data),
        { ...options, concurrency: settings.concurrency ?? 50 },
        backend,
      ),
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
      if (role === "all") await obliterate(queues)
      await Promise.all(queues.map((queue) => queue.close()))
    },
  }
}

/** Only where there is something: it pauses a queue for a moment, and another worker may be at it already. */
async function obliterate(queues: readonly Queue[]): Promise<void> {
  for (const queue of queues) {
    const left = await queue.getJobCountByTypes(
      "waiting",
      "active",
      "prioritized",
      "paused",
      "delayed",
      "failed",
    )
    if (left > 0) await queue.obliterate({ force: true })
  }
}

async function emptied(queues: readonly Queue[]): Promise<void> {
  for (const queue of queues) {
    while ((await queue.getJobCountByTypes("waiting", "active", "prioritized")) > 0) await sleep(5)
  }
}
