import { styleText } from "node:util"
import { CarillonError } from "../core/errors.ts"
import { localTime } from "./time.ts"

/** One JSON value on one line, as programs like it. */
export function printJson(value: unknown): void {
  console.log(JSON.stringify(value))
}

export function print(line: string): void {
  console.log(line)
}

/** Beside the result: it must not enter a pipe. */
export function note(line: string): void {
  console.error(line)
}

type Cell = string | number | boolean | Date | null

/** Rows under headings, columns as wide as they must be; on a terminal lines end at its edge. */
export function printTable(headings: readonly string[], rows: readonly (readonly Cell[])[]): void {
  const texts = rows.map((row) => row.map(cellText))
  const widths = headings.map((heading, i) =>
    Math.max(heading.length, ...texts.map((row) => row[i]?.length ?? 0)),
  )
  print(paint("dim", fitted(headings, widths)))
  for (const row of texts) print(coloured(fitted(row, widths)))
}

function fitted(row: readonly string[], widths: readonly number[]): string {
  const line = row
    .map((text, i) => text.padEnd(widths[i] ?? 0))
    .join("  ")
    .trimEnd()
  const most = process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY
  return line.length > most ? `${line.slice(0, most - 1)}…` : line
}

function cellText(cell: Cell): string {
  if (cell === null) return "-"
  return cell instanceof Date ? localTime(cell) : visible(String(cell))
}

/** What an event brings must not steer the terminal. */
export function visible(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => (char === "\n" || char === "\t" ? " " : "\ufffd"))
}

const COLOURS = {
  delivered: "green",
  dead: "red",
  retry: "yellow",
  waiting: "yellow",
  running: "cyan",
} as const

function coloured(line: string): string {
  for (const [word, colour] of Object.entries(COLOURS)) {
    if (line.includes(`  ${word}`)) return line.replace(`  ${word}`, `  ${paint(colour, word)}`)
  }
  return line
}

/** Colours only for people at a terminal who did not refuse them. */
export function paint(style: "dim" | "bold" | "green" | "red" | "yellow" | "cyan", text: string): string {
  const wanted = process.stdout.isTTY && !process.env.NO_COLOR
  return wanted ? styleText(style, text, { validateStream: false }) : text
}

/** Where a list goes on, for people; in JSON the cursor stands beside the items. */
export function noteCursor(cursor: string | null): void {
  if (cursor !== null) note(`There may be more: add --cursor ${cursor}`)
}

/** Says now and then how far long work is: on a terminal in one line, else once a second at most. */
export class Progress {
  #shownAt = Date.now()
  #open = false

  show(text: string): void {
    const every = process.stderr.isTTY ? 100 : 1_000
    if (Date.now() - this.#shownAt < every) return
    this.#shownAt = Date.now()
    this.#open = process.stderr.isTTY
    process.stderr.write(process.stderr.isTTY ? `\r${text}\u001b[K` : `${text}\n`)
  }

  end(): void {
    if (this.#open) process.stderr.write("\r\u001b[K")
  }
}

/** The end of a command that could not: its message, and its trace only when the fault is ours. */
export function fail(error: unknown): void {
  process.exitCode = error instanceof UsageError ? 2 : 1
  if (error instanceof CarillonError || error instanceof UsageError) note(`error: ${error.message}`)
  else note(error instanceof Error ? (error.stack ?? error.message) : String(error))
}

/** The command was not written as it should be. */
export class UsageError extends Error {}
