/** Answers after which the same request may well succeed: too slow, too many, or somebody on the way is away. */
const TRANSIENT: ReadonlySet<number> = new Set([408, 429, 502, 503, 504])

const FIRST_WAIT_MS = 200
const LONGEST_WAIT_MS = 10_000
/** Who is told to come back later than that is better told so than kept waiting. */
const LONGEST_TOLD_MS = 60_000

export function isTransient(status: number): boolean {
  return TRANSIENT.has(status)
}

export interface Failed {
  readonly tries: number // so far
  readonly retries: number // how many may follow the first
  readonly toldMs: number | null // what `Retry-After` says; null = nothing
  readonly random: number // from 0 to 1: not everybody comes back at once
}

/** How long to wait before the next try; null = there is none. */
export function waitBeforeNext({ tries, retries, toldMs, random }: Failed): number | null {
  if (tries > retries) return null
  if (toldMs !== null && toldMs > LONGEST_TOLD_MS) return null
  const most = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (tries - 1))
  const backoff = most / 2 + (most / 2) * random
  return Math.round(toldMs === null ? backoff : toldMs + (FIRST_WAIT_MS / 2) * random)
}

/** `Retry-After` in milliseconds: seconds, or a date by the clock of whoever wrote it (RFC 9110, 10.2.3). */
export function retryAfterOf(headers: Headers, now: number): number | null {
  const text = headers.get("retry-after")?.trim() ?? ""
  if (/^\d+$/.test(text)) return Number(text) * 1_000
  const at = Date.parse(text)
  if (!/^[a-z]{3}/i.test(text) || !Number.isFinite(at)) return null
  const theirs = Date.parse(headers.get("date") ?? "")
  return Math.max(0, at - (Number.isFinite(theirs) ? theirs : now))
}

/** @throws the signal's reason when it is aborted before */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((done, fail) => {
    const abort = (): void => {
      clearTimeout(timer)
      fail(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort)
      done()
    }, ms)
    if (signal?.aborted) abort()
    else signal?.addEventListener("abort", abort, { once: true })
  })
}
