import createKnex, { type Knex } from "knex"
import { Kysely, PostgresDialect } from "kysely"
import pg from "pg"
import { afterAll, afterEach, beforeAll, beforeEach, describe } from "vitest"
import type { HandlerLogger } from "../../src/bus/events.ts"
import { type Carillon, createCarillon } from "../../src/carillon.ts"
import type { CarillonOptions } from "../../src/options.ts"
import { describePostgres, skipAloud } from "../support/describe.ts"
import { PgBouncer } from "../support/pgbouncer.ts"
import { type TestDatabase, testDatabase, testServer } from "../support/postgres.ts"

/** A Carillon that does nothing by itself for minutes: what happens soon was seen, not polled. */
export function openShop(database: string, options: CarillonOptions = {}): Promise<Carillon> {
  return createCarillon({ ...STILL, ...options, database })
}

const STILL = {
  group: "shop",
  logger: false,
  pollMs: 600_000,
  leaseMs: 600_000,
  graceMs: 100,
} as const satisfies CarillonOptions

/** Declares tests of an application on PostgreSQL, which is reached directly, and through a pooler where one is installed. */
export async function describeShops(title: string, body: (shop: ShopDatabase) => void): Promise<void> {
  const missing = PgBouncer.missing()
  await describePostgres(title, () => {
    describe("reached directly", () => body(new ShopDatabase(false)))
    const behindPooler = (): void => body(new ShopDatabase(true))
    if (missing === null) describe("reached through PgBouncer", behindPooler)
    else skipAloud("reached through PgBouncer", missing, behindPooler)
  })
}

export interface Shop {
  orders: { id: string }
}

/** The application's database, and the libraries it uses. */
export class ShopDatabase {
  readonly #pooled: boolean
  readonly #opened: Carillon[] = []
  #database: TestDatabase | null = null
  #pooler: PgBouncer | null = null
  #url = ""
  pool!: pg.Pool
  kysely!: Kysely<Shop>
  knex!: Knex

  constructor(pooled: boolean) {
    this.#pooled = pooled
    beforeAll(() => this.#create())
    beforeEach(() => this.#empty())
    afterEach(() => this.#stopAll())
    afterAll(() => this.#drop())
  }

  /** Past any pooler. */
  query<T = Record<string, unknown>>(sql: string, values?: unknown[]): Promise<T[]> {
    return (this.#database as TestDatabase).query(sql, values)
  }

  async orders(): Promise<string[]> {
    return (await this.query<{ id: string }>("SELECT id FROM orders ORDER BY id")).map(({ id }) => id)
  }

  async staged(): Promise<number> {
    return Number((await this.query("SELECT count(*) AS n FROM carillon.staged"))[0]?.n)
  }

  async open(options: CarillonOptions = {}): Promise<Carillon> {
    const carillon = await openShop(this.#url, { ...options, postgres: { pooler: this.#pooled } })
    this.#opened.push(carillon)
    return carillon
  }

  /** A worker that keeps what its handler got. */
  async worker(options: CarillonOptions = {}) {
    const carillon = await this.open(options)
    const handled: string[] = []
    carillon.events.subscribe("order.placed", ({ id }) => handled.push(id), { subscriberId: "mail" })
    await carillon.start()
    return { carillon, handled }
  }

  async inTransaction<T>(
    work: (tx: pg.PoolClient) => Promise<T>,
    end = "COMMIT",
    begin = "BEGIN",
  ): Promise<T> {
    const tx = await this.pool.connect()
    try {
      await tx.query(begin)
      const result = await work(tx)
      await tx.query(end)
      return result
    } finally {
      tx.release()
    }
  }

  async #create(): Promise<void> {
    this.#database = await testDatabase("transactional", { durable: false })
    this.#pooler = this.#pooled ? await PgBouncer.start(await testServer(), { poolSize: 20 }) : null
    this.#url = this.#pooler?.url(this.#database.name) ?? this.#database.url
    await this.query("CREATE TABLE orders (id text)")
    this.pool = new pg.Pool({ connectionString: this.#url })
    this.pool.on("connect", (client) => client.on("error", () => {})) // the database is dropped with what is idle
    this.kysely = new Kysely({ dialect: new PostgresDialect({ pool: this.pool }) })
    this.knex = createKnex({ client: "pg", connection: this.#url, pool: { min: 0 } })
  }

  async #empty(): Promise<void> {
    await this.query("DROP SCHEMA IF EXISTS carillon CASCADE")
    await this.query("DELETE FROM orders")
  }

  async #stopAll(): Promise<void> {
    await Promise.all(this.#opened.splice(0).map((each) => each.stop()))
  }

  async #drop(): Promise<void> {
    await this.kysely?.destroy()
    await this.knex?.destroy()
    await this.#pooler?.close()
    await this.#database?.drop()
  }
}

/** Keeps what is logged as an error. */
export function errorLog(): HandlerLogger & { readonly errors: string[] } {
  const errors: string[] = []
  const nothing = (): void => {}
  const error = (...parts: unknown[]): void => {
    errors.push(parts.map((part) => (part instanceof Error ? part.message : String(part))).join(" "))
  }
  return { debug: nothing, info: nothing, warn: nothing, error, errors }
}
