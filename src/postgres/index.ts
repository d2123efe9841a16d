export type { SqlTransaction } from "../engine/transactions.ts"
export { fromKnex, type KnexTransaction } from "./knex.ts"
export { fromKysely, type KyselyTransaction } from "./kysely.ts"
export { fromPg, type PgClient } from "./pg.ts"
