import type { QueriesPort } from "../../engine/queries.ts"
import { catalog } from "./catalog.ts"
import { countBefore, workers } from "./census.ts"
import { event, events, findEvent } from "./event-list.ts"
import { job, jobs } from "./job-list.ts"
import { lag } from "./lag.ts"
import { names } from "./names.ts"
import { openWork } from "./open-work.ts"
import type { Program } from "./program.ts"
import { record, recordPage, records } from "./records.ts"
import { runCounts } from "./run-counts.ts"
import { run, runOf, runSteps, runs, waits } from "./run-list.ts"
import { commits, scan } from "./scan.ts"
import { schedules } from "./schedules.ts"
import { scopes } from "./scopes.ts"
import { findStaged, staged, stagedGroups } from "./staged.ts"
import { traceOf } from "./trace.ts"

/** The queries port, as programs of the same names. */
export type QueryPrograms = {
  readonly [Q in keyof QueriesPort]: (
    ...given: Parameters<QueriesPort[Q]>
  ) => Program<Awaited<ReturnType<QueriesPort[Q]>>>
}

export const queries: QueryPrograms = {
  catalog,
  event,
  findEvent,
  events,
  scan,
  traceOf,
  commits,
  jobs,
  job,
  openWork,
  names,
  scopes,
  workers,
  lag,
  staged,
  findStaged,
  stagedGroups,
  countBefore,
  run,
  runOf,
  runSteps,
  runs,
  runCounts,
  waits,
  schedules,
  record,
  records,
  recordPage,
}
