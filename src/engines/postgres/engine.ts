import { randomUUID } from "node:crypto"
import type { Client } from "pg"
import type { Clock } from "../../core/clock.ts"
import type { Engine } from "../../engine/engine.ts"
import { processIdentity } from "../../engine/process.ts"
import type { QueriesPort } from "../../engine/queries.ts"
import { queries } from "../sql/queries.ts"
import * as commits from "./commit.ts"
import { Database, type DatabaseOptions, loadDriver } from "./database.ts"
import { inspect } from "./inspect.ts"
import * as leases from "./leases.ts"
import * as maintenance from "./maintenance.ts"
import { ServerTime } from "./time.ts"
import { transactionsOf } from "./transactions.ts"
import { Wakeup } from "./wakeup.ts"

export interface PostgresEngineOptions extends DatabaseOptions {
  /** Where to LISTEN: past the pooler, where there is one; null = nowhere, polling has to do. */
  readonly listenUrl: string | null
  /** Whose time it is; null = the server's. */
  readonly clock: Clock | null
  /** Bring the schema to this code's. @defaultValue true */
  readonly migrate?: boolean
}

/** An engine, and the time as its database tells it. */
export interface OpenedPostgres {
  readonly engine: Engine
  readonly now: () => number
}

/** Connects, and brings the schema to this code's unless told not to. */
export async function openPostgres(options: PostgresEngineOptions): Promise<OpenedPostgres> {
  const pg = await loadDriver()
  const database = new Database(pg, options)
  const time = new ServerTime(options.clock)
  const listens = options.listenUrl !== null
  const connect = (): Client =>
    new pg.Client({ ...database.clientConfig(), connectionString: options.listenUrl ?? options.url })
  const wakeup = new Wakeup({
    database,
    connect,
    listens,
    token: randomUUID(),
  })
  const engine = toEngine(database, time, wakeup, listens ? connect : null)
  try {
    await maintenance.learnTime(database, time)
    if (options.migrate !== false) await engine.maintenance.migrate()
  } catch (error) {
    await engine.close()
    throw error
  }
  return { engine, now: () => time.now() }
}

function toEngine(db: Database, time: ServerTime, wakeup: Wakeup, connect: (() => Client) | null): Engine {
  const self = processIdentity()
  const cursors = new leases.ClaimCursors()
  const marks = new leases.TakeMarks()
  return {
    capabilities: { name: "postgres", durable: true, manyProcesses: true, transactionalEmit: true },
    commit: (changes) => commits.commit(db, time, changes),
    leases: {
      join: (worker) => leases.join(db, time, worker, self),
      heartbeat: (beat) => leases.heartbeat(db, time, beat, self),
      peek: (request) => leases.peek(db, time, request),
      take: (request) => leases.take(db, request, marks),
      claim: (request) => leases.claim(db, time, request, cursors),
      handBack: (request) => leases.handBack(db, time, request),
      leave: (worker) => leases.leave(db, time, worker),
    },
    queries: queriesOf(db),
    wakeup,
    maintenance: {
      migrate: () => maintenance.migrate(db, time),
      version: () => maintenance.version(db),
      prune: (request) => maintenance.prune(db, time, request),
      scrub: async () => "server",
      stats: () => maintenance.stats(db),
      size: () => maintenance.size(db),
      inspect: () => inspect({ database: db, connect }),
    },
    transactions: transactionsOf(db, time),
    pools: () => db.pools(),
    close: async () => {
      await wakeup.close()
      await db.close()
    },
  }
}

/** Each query is a program that both SQL engines share. */
function queriesOf(db: Database): QueriesPort {
  const port: Record<string, (...given: never[]) => Promise<unknown>> = {}
  for (const [name, program] of Object.entries(queries)) {
    port[name] = (...given) => db.run((program as (...given: never[]) => never)(...given))
  }
  return port as unknown as QueriesPort
}
