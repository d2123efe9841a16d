import { commitIdFrom, commitTime } from "../../core/ids.ts"
import type { Database, HotStatement, Session } from "./database.ts"

/** Events, commits and their names lie in tables by the day of the commit: a day that is past goes as a whole. */
export interface Day {
  readonly name: string // as in `events_20261121`
  readonly low: string // the first commit id it can hold
  readonly high: string // the first it cannot
}

export const DAY_MS = 24 * 60 * 60 * 1000

/** Days follow the clock in UTC. */
function dayOf(time: number): Day {
  const start = Math.floor(time / DAY_MS) * DAY_MS
  return {
    name: new Date(start).toISOString().slice(0, 10).replaceAll("-", ""),
    low: commitIdFrom(start),
    high: commitIdFrom(start + DAY_MS),
  }
}

const MAKE_DAY: HotStatement = { name: "carillon_make_day", sql: "SELECT store.make_day($1, $2, $3)" }

/** The days that soon will be needed; whoever comes to one that is missing makes it himself. */
export async function makeDaysFrom(session: Session, time: number, days: number): Promise<void> {
  for (let i = 0; i < days; i++) await makeDay(session, dayOf(time + i * DAY_MS))
}

export async function makePartitionFor(db: Database, commitId: string): Promise<void> {
  await makeDay(db, dayOf(commitTime(commitId)))
}

async function makeDay(session: Session, { name, low, high }: Day): Promise<void> {
  await session.call(MAKE_DAY, [name, low, high])
}

const DAYS: HotStatement = {
  name: "carillon_days",
  sql: `SELECT right(c.relname, 8) AS day FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'store.events'::regclass ORDER BY 1`,
}

/** The days there are, oldest first. */
export async function daysOf(session: Session): Promise<Day[]> {
  const rows = await session.call(DAYS, [])
  return rows.map(({ day }) => dayOf(Date.parse(`${day}`.replace(/(\d{4})(\d\d)(\d\d)/, "$1-$2-$3"))))
}

const DROP_DAY: HotStatement = {
  name: "carillon_drop_day",
  sql: "SELECT store.drop_day($1, $2, $3) AS events",
}

/** Drops a day but for what is still needed of it; says how many events that deleted. */
export async function dropDay(session: Session, { name, low, high }: Day): Promise<number> {
  const [row] = await session.call(DROP_DAY, [name, low, high])
  return (row?.events as number | undefined) ?? 0
}
