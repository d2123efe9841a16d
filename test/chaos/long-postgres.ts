// Promise: `npm run chaos:postgres` disturbs workers, producers, connections, clocks and the server itself
// at random, over a hundred thousand events and three groups, and no acknowledged event is lost.
import { HOW_TO_GET_POSTGRES, postgresFolder } from "../support/programs.ts"
import { cut } from "./cut.ts"
import { GENTLE } from "./disturbances.ts"
import { each } from "./each.ts"
import { exhausted } from "./exhausted.ts"
import { join } from "./join.ts"
import { outage } from "./outage.ts"
import { server } from "./server.ts"
import { show } from "./show.ts"
import { sigkill } from "./sigkill.ts"
import { skew } from "./skew.ts"
import { start } from "./start.ts"

export async function allOnPostgres(events = 100_000): Promise<void> {
  if (postgresFolder() === null) {
    console.error(`skipped on PostgreSQL, which is not installed: ${HOW_TO_GET_POSTGRES}`)
    return
  }
  const engine = "postgres"
  await show("server", () => server({ events }))
  await show("server, gently", () => server({ events: events / 5, disturbances: GENTLE, leaseMs: 8_000 }))
  await show("cut", () => cut())
  for (const how of ["fast", "immediate", "kill", "silence"] as const)
    await show(`outage (${how})`, () => outage({ how }))
  await show("outage, for too long", () => outage({ emitTimeoutMs: 1_000 }))
  await show("exhausted", () => exhausted())
  for (const shiftMs of [3_600_000, -3_600_000]) await show(`skew ${shiftMs}`, () => skew({ shiftMs }))
  await show("join", () => join({ rounds: 20 }))
  for (const isolation of ["read committed", "serializable"] as const)
    await show(`start (${isolation})`, () => start({ isolation }))
  await show("sigkill", () => sigkill({ engine, randomKills: 20 }))
  await each(engine)
}

if (import.meta.main) await allOnPostgres(Number(process.argv[2] ?? 100_000))
