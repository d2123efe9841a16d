import { copyStore } from "../../copy/copy.ts"
import type { CopyProgress, CopyReport, ReplacedText } from "../../copy/report.ts"
import { resolveOptions } from "../../options.ts"
import { note, Progress, print, printJson, printTable, visible } from "../output.ts"

interface CopyFlags {
  readonly from?: string
  readonly to: string
  readonly schema?: string
  readonly json?: true
}

export async function copy({ from = usualFile(), to, schema, json }: CopyFlags): Promise<void> {
  const show = json ? new JsonLines() : new Lines()
  const report = await copyStore({
    from,
    to,
    postgres: schema === undefined ? {} : { schema },
    onProgress: (progress) => show.progress(progress),
    onReplaced: (replaced) => show.replaced(replaced),
  })
  show.end()
  if (json) printJson(report)
  else printReport(report)
}

/** Where the environment names a database already, it may be the one to go to. */
function usualFile(): string {
  const { path } = resolveOptions({})
  return path === "" ? "file:.carillon/carillon.db" : path
}

class Lines {
  readonly #line = new Progress()

  progress({ table, rows, total, rowsPerSecond }: CopyProgress): void {
    this.#line.show(`${table}: ${rows} of ${total} rows, ${rowsPerSecond} a second`)
  }

  replaced({ table, row, columns }: ReplacedText): void {
    this.#line.end()
    note(
      `replaced: ${visible(row)} in ${table} held a zero byte in ${columns.join(", ")}, which PostgreSQL cannot hold; U+FFFD stands in its place`,
    )
  }

  end(): void {
    this.#line.end()
  }
}

/** A line for each table that is done, and in between one a second at most. */
class JsonLines {
  #shownAt = 0

  progress(progress: CopyProgress): void {
    if (progress.rows < progress.total && Date.now() - this.#shownAt < 1_000) return
    this.#shownAt = Date.now()
    note(JSON.stringify(progress))
  }

  replaced(replaced: ReplacedText): void {
    note(JSON.stringify({ replaced }))
  }

  end(): void {}
}

function printReport(report: CopyReport): void {
  const { from, to, endedAt, tables, states, handedBack, ended, replaced, leftOut } = report
  if (endedAt !== null) {
    print(`${from} was copied to ${to} at ${endedAt.toISOString()} already: there is nothing to do`)
    return
  }
  printTable(["TABLE", "ROWS IN BOTH"], Object.entries(tables))
  print("")
  printTable(
    ["STATE", "IN THE FILE", "IN POSTGRESQL"],
    states.map(({ table, state, file, postgres }) => [`${table} ${state}`, file, postgres]),
  )
  print("")
  if (handedBack > 0) print(`${handedBack} rows that dead workers held wait again`)
  for (const { id, group, cancelled } of ended)
    print(
      `${visible(id)} (${visible(group)}) ended with its worker; ${cancelled} deliveries that waited for it are cancelled`,
    )
  for (const { name, why } of leftOut)
    print(`left out: ${visible(name)}, ${visible(why)}; make it anew by hand`)
  if (replaced > 0) print(`${replaced} rows held a zero byte, which U+FFFD replaces`)
  print(`${from} is copied to ${to}`)
}
