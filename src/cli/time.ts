const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** `500ms`, `30s`, `5m`, `2h`, `7d`, `1w`, or plain milliseconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)?$/.exec(text.trim())
  if (match === null) throw new Error("Expected a duration such as 500ms, 30s, 5m, 2h or 7d.")
  return Number(match[1]) * (UNITS[match[2] ?? "ms"] as number)
}

/** `2h` means two hours ago; anything else is a date in ISO form, without a zone in local time. */
export function parseTime(text: string): Date {
  if (/^\d+(\.\d+)?(ms|s|m|h|d|w)$/.test(text.trim())) return new Date(Date.now() - parseDuration(text))
  const isIso = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/.test(text.trim())
  // A date alone would be midnight in Greenwich; people mean their own.
  const date = new Date(isIso && !text.includes("T") ? `${text.trim()}T00:00` : text.trim())
  if (isIso && Number.isFinite(date.getTime())) return date
  throw new Error("Expected a time such as 30m, 2h, 7d (ago), 2026-03-01 or 2026-03-01T12:00.")
}

/** ISO form with the local zone: `2026-03-01T12:00:00.000+01:00`. */
export function localTime(date: Date): string {
  const offset = -date.getTimezoneOffset()
  const shifted = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, -1)
  const two = (n: number): string => String(Math.floor(n)).padStart(2, "0")
  const size = Math.abs(offset)
  return `${shifted}${offset < 0 ? "-" : "+"}${two(size / 60)}:${two(size % 60)}`
}
