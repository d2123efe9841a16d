import { type DoctorReport, failedReport } from "../../bus/doctor/doctor.ts"
import type { Finding } from "../../bus/doctor/finding.ts"
import { createCarillon } from "../../carillon.ts"
import { shortBytes } from "../../core/amounts.ts"
import { codeOf } from "../../core/errors.ts"
import { note, paint, print, printJson, printTable, visible } from "../output.ts"
import { serverUrl } from "../server.ts"
import { operatorAt, resolveShared, type StoreFlags, storeOptions } from "../store.ts"

/** A store that cannot be opened is a finding as well. */
export async function doctor(flags: StoreFlags): Promise<void> {
  const report = await lookAt(flags)
  if (!report.healthy) process.exitCode = 1
  if (flags.json) return printJson(report)
  for (const finding of report.findings) for (const line of linesOf(finding)) print(line)
  printTables(report)
  note(summaryOf(report.findings))
}

async function lookAt(flags: StoreFlags): Promise<DoctorReport> {
  const url = serverUrl(flags)
  if (url !== null) return (await operatorAt(url, flags)).doctor()
  const options = { ...storeOptions(flags), migrate: false }
  const { database } = resolveShared(options)
  try {
    const carillon = await createCarillon(options)
    return await carillon.doctor().finally(() => carillon.stop())
  } catch (error) {
    if (!codeOf(error)?.startsWith("CARILLON_STORE")) throw error
    return failedReport(database, error as Error, Date.now())
  }
}

const COLOURS = { ok: "green", warning: "yellow", problem: "red" } as const

function linesOf({ check, verdict, what, todo }: Finding): string[] {
  const line = `${paint(COLOURS[verdict], verdict.padEnd(7))}  ${check.padEnd(16)}  ${visible(what)}`
  return todo === null ? [line] : [line, `${" ".repeat(27)}→ ${visible(todo)}`]
}

function printTables({ tables, days }: DoctorReport): void {
  if (tables.length > 0) {
    print("")
    printTable(
      ["TABLE", "ROWS", "SIZE", "DEAD ROWS", "VACUUMED"],
      tables.map((each) => [each.name, each.rows, shortBytes(each.bytes), each.deadRows, each.vacuumedAt]),
    )
  }
  if (days.length > 0) {
    print("")
    printTable(
      ["DAY", "EVENTS", "SIZE"],
      days.map((each) => [each.day, each.rows, shortBytes(each.bytes)]),
    )
  }
}

function summaryOf(findings: readonly Finding[]): string {
  const [problems, warnings] = (["problem", "warning"] as const).map(
    (verdict) => findings.filter((each) => each.verdict === verdict).length,
  )
  if (problems === 0 && warnings === 0) return "All is well."
  return `${problems} ${problems === 1 ? "problem" : "problems"}, ${warnings} ${warnings === 1 ? "warning" : "warnings"}.`
}
