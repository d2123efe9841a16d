import { codeOf } from "../../core/errors.ts"
import type { DayFacts, TableFacts } from "../../engine/inspection.ts"
import type { StaffSources } from "../staff.ts"
import { type Facts, gather, type Limits } from "./facts.ts"
import { fileFindings } from "./file.ts"
import { type Finding, problem } from "./finding.ts"
import { roomFindings } from "./room.ts"
import { runFindings } from "./runs.ts"
import { type SecretFacts, secretFindings } from "./secrets.ts"
import { serverFindings } from "./server.ts"
import { webhookFindings } from "./webhooks.ts"
import { workFindings } from "./work.ts"

/** How a store does. */
export interface DoctorReport {
  /** Nothing is a problem; there may be warnings. */
  readonly healthy: boolean
  /** Which store it is, without a password. */
  readonly database: string
  readonly at: Date
  readonly findings: readonly Finding[]
  /** The largest first; empty where nothing could be measured. */
  readonly tables: readonly TableReport[]
  /** On PostgreSQL, the days that events lie in, oldest first. */
  readonly days: readonly DayFacts[]
}

export interface TableReport extends Omit<TableFacts, "vacuumedAt"> {
  readonly vacuumedAt: Date | null
}

export interface DoctorOptions extends Limits {
  readonly database: string
  readonly lookAtSecrets: () => Promise<SecretFacts>
}

/** Looks at the store and at who works on it, and judges. Changes nothing. */
export async function examine(sources: StaffSources, options: DoctorOptions): Promise<DoctorReport> {
  try {
    const facts = await gather(sources, options.database, options)
    return reportOn(facts, await options.lookAtSecrets())
  } catch (error) {
    if (!codeOf(error)?.startsWith("CARILLON_STORE")) throw error
    return failedReport(options.database, error as Error, sources.now())
  }
}

export function reportOn(facts: Facts, secrets: SecretFacts = { keys: [] }): DoctorReport {
  const { database, inspection, now } = facts
  const looks = [serverFindings, fileFindings, roomFindings, workFindings, webhookFindings, runFindings]
  const findings = [...looks.flatMap((look) => look(facts)), ...secretFindings(secrets)]
  return {
    healthy: !findings.some((each) => each.verdict === "problem"),
    database,
    at: new Date(now),
    findings,
    tables: inspection.tables.map(({ vacuumedAt, ...table }) => ({
      ...table,
      vacuumedAt: vacuumedAt === null ? null : new Date(vacuumedAt),
    })),
    days: inspection.server?.days ?? [],
  }
}

/** Of a store that cannot be opened, or does not answer, that is all there is to say. */
export function failedReport(database: string, error: Error, now: number): DoctorReport {
  const check = CHECKS[codeOf(error) ?? ""] ?? "store"
  const finding = problem(check, error.message, "Mend this first: nothing else could be looked at.")
  return { healthy: false, database, at: new Date(now), findings: [finding], tables: [], days: [] }
}

const CHECKS: Readonly<Record<string, string>> = {
  CARILLON_STORE_UNAVAILABLE: "connection",
  CARILLON_STORE_BEHIND: "schema",
  CARILLON_STORE_TOO_NEW: "schema",
}
