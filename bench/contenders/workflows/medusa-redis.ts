import { createRequire } from "node:module"
import { requireFrom } from "../../peers.ts"
import { REDIS_DATABASE, redisConnection, redisUrl } from "../../redis.ts"
import type { RunningWorkflows, WorkflowWork } from "../../workflow-contender.ts"
import { startEngine, WORKFLOW } from "./medusa.ts"

const ENGINE = "@medusajs/workflow-engine-redis"
const PREFIX = { prefix: "carillon-bench" }

type Ioredis = new (
  options: object,
) => {
  keys(pattern: string): Promise<string[]>
  unlink(...keys: string[]): Promise<number>
  quit(): Promise<unknown>
}

/** The engine for production: what a run has come to goes to Redis after each step, and to PostgreSQL at both ends. */
export async function start(work: WorkflowWork): Promise<RunningWorkflows> {
  await removeLeftovers()
  const running = await startEngine(work, {
    resolve: requireFrom("medusa").resolve(ENGINE),
    options: {
      redis: {
        redisUrl: redisUrl.href,
        redisOptions: { db: REDIS_DATABASE },
        queueOptions: PREFIX,
        workerOptions: PREFIX,
      },
    },
  })
  return {
    ...running,
    stop: async () => {
      await running.stop()
      await removeLeftovers()
    },
  }
}

/** Its queues, and runs that were killed; all in the bench's own database. */
async function removeLeftovers(): Promise<void> {
  const Redis = createRequire(requireFrom("medusa").resolve(ENGINE))("ioredis") as Ioredis
  const redis = new Redis(redisConnection)
  const keys = [
    ...(await redis.keys("carillon-bench:*workflows*")),
    ...(await redis.keys(`dtrx:${WORKFLOW}:*`)),
  ]
  if (keys.length > 0) await redis.unlink(...keys)
  await redis.quit()
}
