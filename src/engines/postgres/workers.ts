import { isSwitchedOff } from "../../engine/faults.ts"
import type {
  Glance,
  HandBackRequest,
  Heartbeat,
  HeartbeatResult,
  NewWorker,
  PeekRequest,
} from "../../engine/leases.ts"
import { isGone, type ProcessIdentity } from "../../engine/process.ts"
import type { Row } from "../sql/program.ts"
import { dueAtOf } from "./claim.ts"
import type { Database, HotStatement } from "./database.ts"
import { arrayOf } from "./lines.ts"
import type { ServerTime } from "./time.ts"

const JOIN: HotStatement = {
  name: "carillon_join",
  sql: "SELECT store.join_worker($1, $2, $3, $4, $5, $6, $7, $8) AS worker, store.now_ms(NULL) AS now",
}
const BEAT: HotStatement = {
  name: "carillon_heartbeat",
  sql: "SELECT * FROM store.heartbeat($1, $2, $3, $4, $5, $6, $7, $8, $9)",
}
const PEEK: HotStatement = {
  name: "carillon_peek",
  sql: "SELECT * FROM store.peek($1, $2, $3, $4)",
}
const LEAVE: HotStatement = { name: "carillon_leave", sql: "SELECT store.leave($1, $2)" }
const NEIGHBOURS: HotStatement = {
  name: "carillon_neighbours",
  sql: "SELECT no, pid, name FROM store.workers WHERE host = $1",
}

export async function join(
  db: Database,
  time: ServerTime,
  { group, leaseMs }: NewWorker,
  self: ProcessIdentity,
): Promise<{ worker: number }> {
  const dead = deadAmong(await db.callOn("leases", NEIGHBOURS, [self.host]), self)
  const startedAt = performance.now()
  const [row] = await db.callOn("leases", JOIN, [
    time.given,
    group,
    leaseMs,
    self.token,
    self.host,
    self.pid,
    arrayOf(dead),
    !isSwitchedOff("recovery"),
  ])
  time.hear((row as Row).now as number, startedAt, performance.now())
  return { worker: (row as Row).worker as number }
}

/** On one host one need not wait for a lease to run out: the process is there, or it is not. */
function deadAmong(rows: readonly Row[], self: ProcessIdentity): number[] {
  return rows
    .filter((row) => isGone({ pid: row.pid as number, token: row.name as string }, self))
    .map((row) => row.no as number)
}

/** One heartbeat: a look at who has died and at what there is to do comes with it. */
export async function heartbeat(
  db: Database,
  time: ServerTime,
  beat: Heartbeat,
  self: ProcessIdentity,
): Promise<HeartbeatResult> {
  const { result, dead } = await beatOnce(db, time, beat, self, [])
  if (dead.length === 0) return result
  const second = await beatOnce(db, time, beat, self, dead)
  return { ...second.result, freed: result.freed + second.result.freed }
}

async function beatOnce(
  db: Database,
  time: ServerTime,
  { worker, group, leaseMs, handles }: Heartbeat,
  self: ProcessIdentity,
  dead: readonly number[],
): Promise<{ result: HeartbeatResult; dead: number[] }> {
  const recovers = !isSwitchedOff("recovery")
  const startedAt = performance.now()
  const [row] = await db.callOn("leases", BEAT, [
    time.given,
    worker,
    group,
    leaseMs,
    JSON.stringify(handles),
    arrayOf(handles),
    arrayOf(dead),
    self.host,
    recovers,
  ])
  const beat = row as Row
  time.hear(beat.now as number, startedAt, performance.now())
  const neighbours = (beat.neighbours ?? []) as unknown as Row[]
  return {
    result: { alive: (beat.alive as unknown) === true, freed: beat.freed as number, glance: toGlance(beat) },
    dead: recovers ? deadAmong(neighbours, self) : [],
  }
}

export async function peek(
  db: Database,
  time: ServerTime,
  { worker, group, subscriptions }: PeekRequest,
): Promise<Glance> {
  const [row] = await db.callOn("leases", PEEK, [time.given, worker, group, arrayOf(subscriptions)])
  return toGlance(row as Row)
}

function toGlance(row: Row): Glance {
  return {
    work: (row.work as unknown) === true,
    released: (row.released as unknown) === true,
    nextDueAt: dueAtOf(row.due_at),
    catalogVersion: row.catalog_version as number | null,
  }
}

export async function leave(db: Database, time: ServerTime, worker: number): Promise<void> {
  await db.callOn("leases", LEAVE, [time.given, worker])
}

const HAND_BACK: HotStatement = {
  name: "carillon_hand_back",
  sql: "SELECT store.hand_back($1, $2, $3, $4, $5, $6) AS freed",
}

export async function handBack(db: Database, time: ServerTime, request: HandBackRequest): Promise<number> {
  const { worker, olderThanMs, batches, parts, jobs } = request
  const values = [time.given, worker, Math.ceil(olderThanMs), arrayOf(batches), arrayOf(parts), arrayOf(jobs)]
  const [row] = await db.callOn("leases", HAND_BACK, values)
  return (row as Row).freed as number
}
