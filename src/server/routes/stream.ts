import type { DeliveryReport } from "../../bus/delivery-report.ts"
import type { HandlerLogger } from "../../bus/events.ts"
import type { TailEntry } from "../../bus/tail.ts"
import { STREAM_TYPE, streamEvents } from "../../contract/stream.ts"
import { Reply } from "../../http/reply.ts"
import { SAFE_HEADERS } from "../api.ts"
import { eventStream, type SentEvent } from "../event-stream.ts"
import { type Asked, type Served, serve } from "../served.ts"
import type { Streams } from "../streams.ts"

export interface StreamOptions {
  readonly streams: Streams
  readonly logger: HandlerLogger
  readonly timing: StreamTiming
}

export interface StreamTiming {
  readonly askEveryMs: number
  readonly heartbeatMs: number
  readonly patienceMs: number
}

/** A revoked credential is heard of within these 2 s and the 5 s for which it may be remembered. */
export const STREAM_TIMING: StreamTiming = { askEveryMs: 2_000, heartbeatMs: 15_000, patienceMs: 60_000 }

type Following = Asked<typeof streamEvents>

export function streamRoutes(options: StreamOptions): readonly Served[] {
  return [
    serve(streamEvents, async (asked) => {
      const headers = { ...SAFE_HEADERS, "content-type": STREAM_TYPE, "x-accel-buffering": "no" }
      const isWanted = asked.request.method !== "HEAD" // whose answer has no body, that would never be read
      return new Reply(isWanted ? bodyOf(asked, options) : null, { headers })
    }),
  ]
}

function bodyOf(asked: Following, { streams, logger, timing }: StreamOptions): ReadableStream<Uint8Array> {
  const ending = new AbortController()
  const entries = entriesOf(asked, ending.signal)
  const leave = streams.add(asked.access.actor, () => ending.abort())
  return eventStream({
    ...timing,
    entries,
    ending: ending.signal,
    mayGoOn: asked.isStillAllowed,
    hangUp: () => asked.request.hangUp(),
    onEnd: (error) => {
      leave()
      ending.abort()
      if (error !== undefined)
        logger.warn({ err: error }, "A stream ended, because the store could not be read.")
    },
  })
}

const PLACE =
  "`Last-Event-ID`, or `after`, to be the id of an entry of this stream, for a credential of the same scopes"

function entriesOf(
  { carillon, query, scopes, cursors, request }: Following,
  signal: AbortSignal,
): AsyncGenerator<SentEvent> {
  const { name, kind, since } = query
  const given = request.header("last-event-id") || query.after
  const after = cursors.open(given, PLACE) ?? (since === undefined ? carillon.tailPosition() : undefined)
  const tail = carillon.tail({ name, since, after, scopes, signal })
  return sent(tail)

  async function* sent(all: AsyncIterable<TailEntry>): AsyncGenerator<SentEvent> {
    // Who is cut off before the first entry goes on from here, too.
    let before = after === undefined ? undefined : (cursors.seal(after) as string)
    if (before !== undefined) yield { id: before }
    for await (const entry of all) {
      const id = cursors.seal(entry.position) as string
      const told = toldOf(entry, kind)
      // Who is cut off in the middle of an entry hears all of it again.
      for (const [index, each] of told.entries()) yield { ...each, id: index < told.length - 1 ? before : id }
      before = id
    }
  }
}

/** A delivery that ended at once comes with its event only: who asks for deliveries alone hears of it all the same. */
function toldOf(entry: TailEntry, kind: "event" | "delivery" | undefined): readonly SentEvent[] {
  if (entry.kind === "outcome") return kind === "event" ? [] : [deliveryOf(entry.delivery)]
  const { event, deliveries } = entry
  if (kind === "delivery") return deliveries.map(deliveryOf)
  return [{ event: "event", data: JSON.stringify({ event, deliveries }) }]
}

function deliveryOf(delivery: DeliveryReport): SentEvent {
  return { event: "delivery", data: JSON.stringify(delivery) }
}
