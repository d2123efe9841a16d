import { TimeoutError } from "../../core/errors.ts"
import type { Notification } from "../notifier.ts"

/**
 * Ends an attempt when its time is over, or when somebody stops it.
 *
 * @throws TimeoutError in the first case, the signal's reason in the second, whatever the work makes of its end
 */
export async function inTime<T>(
  { signal, timeoutMs }: Pick<Notification, "signal" | "timeoutMs">,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const end = new AbortController()
  const late = (): void =>
    end.abort(new TimeoutError(`Expected the recipient to answer within ${timeoutMs} ms, it did not.`))
  const stop = (): void => end.abort(signal.reason)
  const timer = setTimeout(late, timeoutMs)
  signal.addEventListener("abort", stop, { once: true })
  if (signal.aborted) stop()
  try {
    return await unless(end.signal, work(end.signal))
  } finally {
    clearTimeout(timer)
    signal.removeEventListener("abort", stop)
  }
}

/** @throws the signal's reason, when it is over before; what goes on then is not waited for */
export async function unless<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const over = Promise.withResolvers<never>()
  const end = (): void => over.reject(signal.reason)
  signal.addEventListener("abort", end, { once: true })
  if (signal.aborted) end()
  try {
    return await Promise.race([work, over.promise])
  } finally {
    signal.removeEventListener("abort", end)
  }
}
