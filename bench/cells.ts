import type { Spread, Summary } from "./summary.ts"

export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "Not measured."
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n")
}

export function books({ measurement, lost, duplicates, errors }: Summary): string {
  if (measurement.contender === "raw") return "–"
  return errors.length > 0 ? `${errors.length} failed` : `${lost} / ${duplicates}`
}

export const whole = (value: number) => Math.round(value).toLocaleString("en")
export const tenths = (value: number) => value.toFixed(1)
export const ms = (value: number) => value.toFixed(2)
export const percent = (value: number) => `${(value * 100).toFixed(2)} %`
export const cell = (spread: Spread | null, format: (value: number) => string) =>
  spread === null ? "–" : format(spread.median)
export const minToMax = (spread: Spread | null, format: (value: number) => string) =>
  spread === null ? "–" : `${format(spread.min)} – ${format(spread.max)}`
export const share = (ratio: number | null) => (ratio === null ? "–" : `${Math.round(ratio * 100)} %`)
export const factor = (ratio: number | null) => (ratio === null ? "–" : `${ratio.toFixed(1)} ×`)
