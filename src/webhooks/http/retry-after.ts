// Whoever asks for a longer rest is asked again after a day.
const LONGEST_MS = 24 * 60 * 60 * 1000

/**
 * How long a `Retry-After` asks to wait, in milliseconds, at most a day; null where it asks for nothing that can be
 * understood. A date is taken by the clock of whoever wrote it, as far as `date`, the answer's own `Date`, tells it.
 */
export function retryAfterMs(
  retryAfter: string | undefined,
  { date, now }: { readonly date?: string | undefined; readonly now: number },
): number | null {
  const text = retryAfter?.trim() ?? ""
  if (/^\d{1,15}$/.test(text)) return Math.min(Number(text) * 1000, LONGEST_MS)
  const until = httpDate(text)
  return until === null ? null : Math.min(Math.max(until - (httpDate(date ?? "") ?? now), 0), LONGEST_MS)
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

// The three forms of RFC 9110, section 5.6.7: the one to write, and two that are to be understood.
const IMF = /^[A-Z][a-z]{2}, (?<day>\d\d) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) (?<time>\d\d:\d\d:\d\d) GMT$/
const RFC850 =
  /^[A-Z][a-z]{5,8}, (?<day>\d\d)-(?<month>[A-Z][a-z]{2})-(?<year>\d\d) (?<time>\d\d:\d\d:\d\d) GMT$/
const ASCTIME =
  /^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \d]\d) (?<time>\d\d:\d\d:\d\d) (?<year>\d{4})$/

function httpDate(text: string): number | null {
  const { day, month, year, time } = (IMF.exec(text) ?? RFC850.exec(text) ?? ASCTIME.exec(text))?.groups ?? {}
  const monthNo = MONTHS.indexOf(month ?? "") + 1
  if (day === undefined || year === undefined || time === undefined || monthNo === 0) return null
  const [fullYear, two] = [
    year.length === 2 ? `20${year}` : year,
    (no: number) => String(no).padStart(2, "0"),
  ]
  const iso = `${fullYear}-${two(monthNo)}-${two(Number(day))}T${time}Z`
  const at = Date.parse(iso)
  // A day that its month does not have would become one of the next month.
  return Number.isNaN(at) || new Date(at).getUTCDate() !== Number(day) ? null : at
}
