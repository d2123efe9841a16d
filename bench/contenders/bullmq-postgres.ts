import type { Running, Work } from "../contender.ts"
import { requirePeer } from "../peers.ts"
import { type BullMq, startQueues } from "./bullmq-queues.ts"

/** With 20 or 50 connections the server spends more on each job. */
const POOL = 10

/** BullMQ on PostgreSQL, through the backend that it brings. */
export async function start(work: Work): Promise<Running> {
  const bullmq = requirePeer("queues", "bullmq") as BullMq
  const connection = {
    connectionString: work.database,
    schema: "bullmq",
    migrate: work.role !== "producer",
    max: POOL,
  }
  return startQueues(bullmq, work, { options: { connection }, backend: bullmq.createPostgresBackend })
}
