import { UnreachableError } from "../core/errors.ts"
import type { CallOptions, Query } from "./asked.ts"
import type { Caller } from "./caller.ts"
import { pause, waitBeforeNext } from "./retry.ts"
import { type SentEvent, SentEvents } from "./sent-events.ts"
import { type StreamEntry, Told } from "./told.ts"
import { isPassing } from "./transport.ts"

export interface StreamOptions extends Omit<CallOptions, "timeoutMs"> {
  /**
   * Of whom nothing is heard for so long, not even a heart beat, the connection is taken for dead and made anew.
   *
   * @defaultValue 45_000 (milliseconds), three heart beats of the server's
   */
  readonly silenceMs?: number
}

/** Follows the server for good: cut off, it comes again and goes on where it was. */
export async function* stream(
  caller: Caller,
  query: Query<"streamEvents"> = {},
  { signal, silenceMs = 45_000 }: StreamOptions = {},
): AsyncGenerator<StreamEntry, void, undefined> {
  const told = new Told()
  const place: Place = { after: query.after, wire: new SentEvents(), wasThere: false, failures: 0 }
  while (!signal?.aborted) {
    try {
      for await (const sent of connection(caller, query, place, { signal, silenceMs })) {
        place.after = sent.id || place.after
        const entry = entryOf(sent)
        if (entry !== null) yield* told.news(entry)
      }
    } catch (error) {
      if (signal?.aborted) return
      // It may be away for long; what it refuses, such as a token that ended, it goes on refusing.
      if (!place.wasThere || !isPassing(error)) throw error
    }
    await waitToComeAgain(place, signal)
  }
}

interface Place {
  after: string | undefined
  wire: SentEvents
  wasThere: boolean // who was never reached may not be there at all
  failures: number // since something was heard
}

/** What is heard until the connection ends, however that comes. */
async function* connection(
  caller: Caller,
  query: Query<"streamEvents">,
  place: Place,
  { signal, silenceMs }: { readonly signal?: AbortSignal; readonly silenceMs: number },
): AsyncGenerator<SentEvent, void, undefined> {
  const end = new AbortController()
  const ends = signal === undefined ? end.signal : AbortSignal.any([end.signal, signal])
  const headers = { accept: "text/event-stream", ...(place.after ? { "last-event-id": place.after } : {}) }
  try {
    const { body } = await caller.open("streamEvents", {
      query: { ...query, after: undefined },
      headers,
      signal: ends,
    })
    place.wire = new SentEvents()
    place.wasThere = true
    for await (const text of texts(body, silenceMs)) {
      place.failures = 0
      yield* place.wire.push(text)
    }
  } finally {
    end.abort()
  }
}

async function* texts(
  body: ReadableStream<Uint8Array> | null,
  silenceMs: number,
): AsyncGenerator<string, void, undefined> {
  if (body === null) return
  const reader = body.getReader() // not every browser iterates over streams yet
  const decoder = new TextDecoder()
  try {
    for (;;) {
      const { value, done } = await within(reader.read(), silenceMs)
      if (done) return
      yield decoder.decode(value, { stream: true })
    }
  } catch (cause) {
    throw cause instanceof UnreachableError
      ? cause
      : new UnreachableError("The stream was cut off.", { cause })
  } finally {
    void reader.cancel().catch(() => {}) // it may be what failed
  }
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const silent = `Expected to hear of the server every ${ms} ms, heard nothing.`
  const timer = setTimeout(() => reject(new UnreachableError(silent)), ms)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}

/** Its kinds are the names of what is sent; what is of another name is for a newer client. */
function entryOf({ name, data, id }: SentEvent): StreamEntry | null {
  if (data === "") return null
  if (name === "event") return { kind: "event", ...JSON.parse(data), id }
  if (name === "delivery") return { kind: "delivery", delivery: JSON.parse(data), id }
  return null
}

async function waitToComeAgain(place: Place, signal: AbortSignal | undefined): Promise<void> {
  place.failures++
  const backoff = {
    tries: place.failures,
    retries: Number.POSITIVE_INFINITY,
    toldMs: null,
    random: Math.random(),
  }
  const wait = Math.max(place.wire.retryMs ?? 0, waitBeforeNext(backoff) ?? 0)
  await pause(wait, signal).catch(() => {}) // aborted: the stream ends, and that is what was wanted
}
