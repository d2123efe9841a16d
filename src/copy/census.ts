import { StoreError } from "../core/errors.ts"
import { JOB_STATES, LEASED, WAITING } from "../core/job.ts"
import type { CopyReport, StateCount } from "./report.ts"
import type { Source } from "./source.ts"
import type { Table } from "./tables.ts"
import type { Target } from "./target.ts"

const BATCH_STATES = ["open", "leased", "closed"]

/** Words of the numbers in `state`, by table. */
const STATES: Readonly<Record<string, readonly string[]>> = {
  batches: BATCH_STATES,
  parts: BATCH_STATES,
  jobs: JOB_STATES,
}

type Census = Pick<CopyReport, "tables" | "states" | "handedBack" | "replaced">

/**
 * Counts all rows in both.
 *
 * @throws StoreError when they are not equal: then the copy stays unfinished, for nobody to use
 */
export async function takeCensus(source: Source, target: Target, all: readonly Table[]): Promise<Census> {
  const tables: Record<string, number> = {}
  const states: StateCount[] = []
  let replaced = 0
  for (const table of all) {
    tables[table.name] = await countInBoth(table, source, target)
    if (table.name in STATES) states.push(...(await countStates(table, source, target)))
    replaced += target.stateOf(table).replaced
  }
  const handedBack = states.filter(({ state }) => state === "leased").reduce((sum, { file }) => sum + file, 0)
  return { tables, states, handedBack, replaced }
}

async function countInBoth(table: Table, source: Source, target: Target): Promise<number> {
  const inFile = source.count(table)
  const inTarget = await target.count(table)
  if (inFile === inTarget) return inFile
  throw different(table.name, inFile, inTarget)
}

async function countStates(table: Table, source: Source, target: Target): Promise<StateCount[]> {
  const inFile = source.countByState(table)
  const inTarget = await target.countByState(table)
  const counts = (STATES[table.name] ?? []).map((state, no) => ({
    table: table.name,
    state,
    file: inFile.get(no) ?? 0,
    postgres: inTarget.get(no) ?? 0,
  }))
  for (const [no, { state, file, postgres }] of counts.entries()) {
    const expected = no === LEASED ? 0 : no === WAITING ? file + (inFile.get(LEASED) ?? 0) : file
    if (postgres !== expected) throw different(`${state} ${table.name}`, expected, postgres)
  }
  return counts
}

function different(what: string, inFile: number, inTarget: number): StoreError {
  return new StoreError(
    `Expected as many rows of ${what} in PostgreSQL as in the file, ${inFile}, got ${inTarget}. The copy stays unfinished: drop the schema and begin anew, and report this.`,
  )
}
