import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import { echoQuery } from "./echo-query.ts"
import { endOf, type Lane, type LaneOrder } from "./lane.ts"
import type { Bus, Engine, Flow, Sdk } from "./sdk.ts"

const peers = createRequire(new URL("medusa/package.json", import.meta.url))

/** What of Medusa's framework is used; its packages are loaded from a folder of their own. */
interface Framework {
  readonly MedusaApp: (options: object) => Promise<App>
  readonly asValue: (value: unknown) => unknown
  readonly createMedusaContainer: () => Container
  readonly createPgConnection: (options: object) => { destroy(): Promise<void> }
}

interface App {
  readonly sharedContainer: Container
  runMigrations(): Promise<void>
  onApplicationStart(): Promise<void>
  onApplicationShutdown(): Promise<void>
}

interface Container {
  register(name: string, registration: unknown): void
  resolve(name: string): unknown
}

interface Executions {
  listWorkflowExecutions(filter: object, config: object): Promise<readonly { readonly execution: Flow }[]>
}

/** Medusa without an engine: what `workflow().run()` does outside of an app. */
export async function openMedusaLocal(): Promise<Lane> {
  const { asValue, createMedusaContainer } = framework()
  const { service: LocalBus } = (
    peers("@medusajs/event-bus-local") as { default: { service: new (...given: object[]) => Bus } }
  ).default
  const bus = new LocalBus({ logger }, {}, { worker_mode: "shared" })
  const container = createMedusaContainer()
  container.register("logger", asValue(logger))
  container.register("event_bus", asValue(bus))
  container.register("query", asValue(echoQuery))

  return { sdk: sdk(), container, engine: null, bus, look: async () => null, close: async () => {} }
}

/** An app of Medusa's with one of its engines and its local event bus, on an empty database. */
export async function openMedusa({ lane, database, redis }: LaneOrder): Promise<Lane> {
  const forget = () => (lane === "medusa-redis" ? forgetKeys(redis) : Promise.resolve())
  await forget()
  const { MedusaApp, asValue, createMedusaContainer, createPgConnection } = framework()
  const connection = createPgConnection({ clientUrl: database, schema: "public", driverOptions: {} })
  const sharedContainer = createMedusaContainer()
  sharedContainer.register("logger", asValue(logger))
  sharedContainer.register(CONNECTION, asValue(connection))
  const app = await MedusaApp({
    workerMode: "shared",
    modulesConfig: {
      event_bus: { resolve: "@medusajs/event-bus-local", options: {} },
      workflows: lane === "medusa-memory" ? inMemory : inRedis(redis),
    },
    sharedContainer,
    sharedResourcesConfig: { database: { clientUrl: database } },
    injectedDependencies: { [CONNECTION]: connection, logger },
    cwd: new URL("medusa", import.meta.url).pathname,
  })
  await app.runMigrations()
  await app.onApplicationStart()
  const container = app.sharedContainer
  container.register("query", asValue(echoQuery))
  const engine = container.resolve("workflows") as Engine & Executions

  return {
    sdk: sdk(),
    container,
    engine,
    bus: container.resolve("event_bus") as Bus,
    look: async (workflow, transactionId) => {
      const filter = { workflow_id: workflow, transaction_id: transactionId }
      const [newest] = await engine.listWorkflowExecutions(filter, { order: { created_at: "DESC" }, take: 1 })
      return newest === undefined ? null : endOf(newest.execution)
    },
    close: async () => {
      await app.onApplicationShutdown()
      await forget()
      await connection.destroy()
    },
  }
}

const CONNECTION = "__pg_connection__"
const inMemory = { resolve: "@medusajs/workflow-engine-inmemory", options: {} }

const QUEUE_PREFIX = "carillon-peers"

function inRedis(redisUrl: string): object {
  const [queueOptions, workerOptions] = [{ prefix: QUEUE_PREFIX }, { prefix: QUEUE_PREFIX }]
  return {
    resolve: "@medusajs/workflow-engine-redis",
    options: { redis: { redisUrl, queueOptions, workerOptions } },
  }
}

/** Runs that never ended stay in Redis, and the next play would meet them; queues that are not taken down, too. */
async function forgetKeys(redis: string): Promise<void> {
  const Redis = createRequire(peers.resolve("@medusajs/workflow-engine-redis"))("ioredis") as Ioredis
  const client = new Redis(redis)
  const keys = [...(await client.keys("dtrx:*")), ...(await client.keys(`${QUEUE_PREFIX}:*`))]
  if (keys.length > 0) await client.del(...keys)
  client.disconnect()
}

type Ioredis = new (
  url: string,
) => {
  keys(pattern: string): Promise<string[]>
  del(...keys: string[]): Promise<number>
  disconnect(): void
}

function framework(): Framework {
  const { MedusaApp } = peers("@medusajs/framework/modules-sdk") as Pick<Framework, "MedusaApp">
  const { asValue } = peers("@medusajs/framework/awilix") as Pick<Framework, "asValue">
  const { createMedusaContainer, ModulesSdkUtils } = peers("@medusajs/framework/utils") as {
    readonly createMedusaContainer: Framework["createMedusaContainer"]
    readonly ModulesSdkUtils: Pick<Framework, "createPgConnection">
  }
  return { MedusaApp, asValue, createMedusaContainer, createPgConnection: ModulesSdkUtils.createPgConnection }
}

function sdk(): Sdk {
  const { emitEventStep, useQueryGraphStep } = peers("@medusajs/core-flows") as Sdk
  const { releaseEventsStep } = peers(RELEASE_EVENTS) as Sdk
  return { ...(peers("@medusajs/workflows-sdk") as Sdk), emitEventStep, releaseEventsStep, useQueryGraphStep }
}

// Not exported by the package, though its own flows use it.
const RELEASE_EVENTS = fileURLToPath(
  new URL("medusa/node_modules/@medusajs/core-flows/dist/common/steps/release-event.js", import.meta.url),
)

const logger = Object.fromEntries(
  [
    ...["info", "warn", "error", "debug", "log", "http", "verbose", "silly"],
    ...["activity", "progress", "success", "failure", "panic", "setLogLevel", "unsetLogLevel", "shouldLog"],
  ].map((name) => [name, () => undefined]),
)
