import { createRequire } from "node:module"
import { setTimeout as sleep } from "node:timers/promises"
import type { Running, Work } from "../contender.ts"
import { requireFrom, requirePeer } from "../peers.ts"
import { redisConnection } from "../redis.ts"
import { type MedusaBus, type MedusaModule, silentLogger, subscribeAll } from "./medusa.ts"

interface RedisBus extends MedusaBus {
  readonly queue_: {
    getJobCountByTypes(...types: string[]): Promise<number>
    obliterate(options: { force: boolean }): Promise<void>
  }
  readonly __hooks: Record<
    "onApplicationStart" | "onApplicationPrepareShutdown" | "onApplicationShutdown",
    () => Promise<void>
  >
}

type RedisService = new (cradle: object, options: object, declaration: object) => RedisBus

type Ioredis = new (options: object) => { connect(): Promise<void> }

/** Built as Medusa's own loader builds it, from the same cradle; the worker's concurrency is 1 where none is set. */
export async function start(work: Work): Promise<Running> {
  const { service: RedisEventBus } = (
    requirePeer("medusa", "@medusajs/event-bus-redis") as MedusaModule<RedisService>
  ).default
  // Medusa's own ioredis, which is not the one that BullMQ 6 uses.
  const Redis = createRequire(requireFrom("medusa").resolve("@medusajs/event-bus-redis"))(
    "ioredis",
  ) as Ioredis
  const connection = new Redis({ ...redisConnection, enableReadyCheck: false, lazyConnect: true })
  await connection.connect()
  const { concurrency } = work.settings
  const bus = new RedisEventBus(
    {
      logger: silentLogger,
      eventBusRedisConnection: connection,
      eventBusRedisQueueOptions: { prefix: "carillon-bench" },
      eventBusRedisWorkerOptions: {
        prefix: "carillon-bench",
        ...(concurrency === undefined ? {} : { concurrency }),
      },
    },
    {},
    { worker_mode: "shared" },
  )
  // What a run that was killed left behind.
  await bus.queue_.obliterate({ force: true })
  subscribeAll(bus, work)
  await bus.__hooks.onApplicationStart()

  return {
    emit: (events) => bus.emit(events),
    settled: async () => {
      while ((await bus.queue_.getJobCountByTypes("waiting", "active", "prioritized")) > 0) await sleep(5)
    },
    stop: async () => {
      await bus.__hooks.onApplicationPrepareShutdown()
      await bus.queue_.obliterate({ force: true })
      await bus.__hooks.onApplicationShutdown()
    },
  }
}
