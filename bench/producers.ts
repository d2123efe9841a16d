import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises"
import type { BenchEvent, Payload } from "./payloads.ts"

/** How many events are emitted, and by whom. */
export interface Production {
  readonly payload: Payload
  readonly events: number
  /** Emit calls in flight at once. */
  readonly producers: number | "unbounded"
  /** Events in one emit call. */
  readonly perEmit: number
  emit(events: BenchEvent | BenchEvent[]): Promise<unknown>
}

/** Emits everything as fast as the producers may, and resolves when the last emit is acknowledged. */
export function produce(production: Production): Promise<void> {
  return production.producers === "unbounded"
    ? produceUnbounded(production)
    : produceInLoops(production, production.producers)
}

async function produceInLoops({ payload, events, perEmit, emit }: Production, loops: number): Promise<void> {
  let next = 0
  const loop = async () => {
    while (next < events) {
      const from = next
      next = Math.min(events, from + perEmit)
      await emit(perEmit === 1 ? payload.event(from) : eventsBetween(payload, from, next))
    }
  }

  await Promise.all(Array.from({ length: loops }, loop))
}

const EMITS_PER_TURN = 1_000
const UNACKNOWLEDGED_BYTES = 32 * 1024 * 1024

/**
 * Nobody waits for an acknowledgement: a thousand emits in each turn of the event loop. Only the bytes not yet
 * acknowledged are bounded, as any server that accepts requests has to bound them.
 */
async function produceUnbounded({ payload, events, emit }: Production): Promise<void> {
  const most = Math.max(1, Math.floor(UNACKNOWLEDGED_BYTES / payload.meanBytes))
  let acknowledged = 0
  let failure: unknown = null
  const onAcknowledged = () => {
    acknowledged += 1
  }
  const onFailure = (error: unknown) => {
    failure ??= error
  }

  for (let seq = 0; seq < events; seq += 1) {
    emit(payload.event(seq)).then(onAcknowledged, onFailure)
    const turnIsOver = seq % EMITS_PER_TURN === EMITS_PER_TURN - 1
    if (turnIsOver) await nextTurn()
    while (seq - acknowledged >= most && failure === null) await nextTurn()
  }
  while (acknowledged < events && failure === null) await sleep(1)

  if (failure !== null) throw failure
}

/** Emits one event every `1 / perSecond`, whether or not the one before was handled (an open loop). */
export async function produceAtRate(
  { payload, events, emit }: Omit<Production, "producers" | "perEmit">,
  perSecond: number,
  onEmit: (seq: number) => void,
): Promise<void> {
  const startedAt = performance.now()
  const acknowledgements: Promise<unknown>[] = []

  for (let seq = 0; seq < events; seq += 1) {
    const waitMs = startedAt + (seq * 1_000) / perSecond - performance.now()
    if (waitMs > 0) await sleep(waitMs)
    onEmit(seq)
    acknowledgements.push(emit(payload.event(seq)))
  }

  await Promise.all(acknowledgements)
}

function eventsBetween(payload: Payload, from: number, to: number): BenchEvent[] {
  return Array.from({ length: to - from }, (_, index) => payload.event(from + index))
}
