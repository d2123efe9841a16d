import { INSTALLATION } from "../core/scope.ts"
import type { Voice } from "./operational-runs.ts"

const REFUSED = "carillon.message.refused"

/** A message of another system's queue that could not become an event, and where it is kept instead. */
export interface RefusedMessage {
  readonly source: string // the broker, without user and password
  readonly queue: string
  readonly refusedQueue: string // where it is now
  readonly messageId: string | null
  readonly eventName: string | null // null = it cannot be read
  readonly code: string
  readonly reason: string
}

/** `scope` is that of the events which come from there; null = it is that of whoever takes them. */
export async function tellOfRefused(
  voice: Voice,
  message: RefusedMessage,
  scope: string | null,
): Promise<void> {
  if (voice.isSilent(REFUSED)) return
  const { source, queue, messageId } = message
  const about = [source, queue, messageId ?? crypto.randomUUID()].join("/")
  await voice.emit(REFUSED, message, about, { id: null, correlationId: null, scope: scope ?? INSTALLATION })
}
