import { setTimeout as pause } from "node:timers/promises"
import type { SqlTransaction } from "../engine/transactions.ts"
import { EndWatch } from "./end-watch.ts"

/** What is asked of a transaction of Kysely, controlled or not. */
export interface KyselyTransaction {
  readonly isTransaction: boolean
  executeQuery(query: KyselyQuery): Promise<unknown>
  getExecutor?(): KyselyExecutor
}

interface KyselyQuery {
  readonly sql: string
  readonly parameters: readonly unknown[]
  readonly query: {
    readonly kind: "RawNode"
    readonly sqlFragments: readonly string[]
    readonly parameters: []
  }
  readonly queryId: { readonly queryId: string }
}

interface KyselyExecutor {
  provideConnection(consumer: () => Promise<void>): Promise<void>
}

/**
 * A transaction of Kysely on PostgreSQL; its end is seen within a few milliseconds. `emit` recognises one
 * by itself.
 */
export function fromKysely(trx: KyselyTransaction): SqlTransaction {
  return {
    query: (sql, values) => trx.executeQuery(rawQuery(sql, values)),
    onCommit: (callback) => ends.add(trx, callback),
  }
}

let queries = 0

/** What Kysely's own `CompiledQuery.raw` makes: Kysely is not ours to import. */
function rawQuery(sql: string, parameters: readonly unknown[]): KyselyQuery {
  return {
    sql,
    parameters,
    query: { kind: "RawNode", sqlFragments: [sql], parameters: [] },
    queryId: { queryId: `carillon-${++queries}` },
  }
}

const LONGEST_PAUSE_MS = 50
const PATIENCE_MS = 60_000

// Kysely calls nobody when a transaction ends, but an ended one refuses to be used: asked with growing
// pauses, without a word to the database. After a minute the worker's poll is soon enough.
const ends = new EndWatch<KyselyTransaction>(async (trx, ended) => {
  const executor = trx.getExecutor?.()
  if (executor === undefined) return
  for (let ms = 1, waited = 0; waited < PATIENCE_MS; ms = Math.min(2 * ms, LONGEST_PAUSE_MS)) {
    await pause(ms, undefined, { ref: false })
    waited += ms
    if (await isOver(executor)) return ended()
  }
})

async function isOver(executor: KyselyExecutor): Promise<boolean> {
  try {
    await executor.provideConnection(async () => {})
    return false
  } catch {
    return true // it says that it is committed, or rolled back
  }
}
