import type { Running, Work } from "../contender.ts"
import { requirePeer } from "../peers.ts"
import { redisConnection } from "../redis.ts"
import { type BullMq, startQueues } from "./bullmq-queues.ts"

/** BullMQ where it is at home: on Redis. */
export async function start(work: Work): Promise<Running> {
  const bullmq = requirePeer("queues", "bullmq") as BullMq
  return startQueues(bullmq, work, { options: { connection: redisConnection, prefix: "carillon-bench" } })
}
