import { createHash } from "node:crypto"
import { EventTooLargeError, expected, InvalidInputError } from "../../../core/errors.ts"

/** A message's content is read only if it is not larger: no event is. */
const MOST_BYTES = 16 * 1024 * 1024

/**
 * What the shop published: the event's name, its arguments as JSON in a text, and perhaps the store. A publisher that
 * writes its JSON as JSON once more is understood.
 *
 * @throws InvalidInputError, EventTooLargeError; they never quote the message
 */
export function readMessage(content: Buffer): readonly unknown[] {
  if (content.length > MOST_BYTES)
    throw new EventTooLargeError(`Expected a message of at most ${MOST_BYTES} bytes, got ${content.length}.`)
  const once = parsed(content.toString())
  const message = typeof once === "string" ? parsed(once) : once
  if (Array.isArray(message)) return message
  throw new InvalidInputError(
    expected('a message to be JSON like `["sales.order.created", "{\\"id\\": 1001}"]`', message),
  )
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // What JSON.parse says quotes the message.
    throw new InvalidInputError(`Expected a message to be JSON, got ${text.length} characters that are none.`)
  }
}

/** The event's name, of a message that need not be right; null = it has none. */
export function nameIn(content: Buffer): string | null {
  try {
    const [name] = readMessage(content)
    return typeof name === "string" ? name.slice(0, 255) : null
  } catch {
    return null // it is told of as what it is: unreadable
  }
}

/**
 * Finds the event that a shop means. Magento reads names of definitions in lower case, so the shop may write one in
 * another case than its definition does; where two differ by nothing else, only the exact name will do.
 */
export class EventNames {
  readonly #exact: ReadonlySet<string>
  readonly #byLower = new Map<string, string | null>()

  constructor(names: readonly string[]) {
    this.#exact = new Set(names)
    for (const name of names) {
      const lower = name.toLowerCase()
      this.#byLower.set(lower, this.#byLower.has(lower) ? null : name)
    }
  }

  meant(name: unknown): unknown {
    if (typeof name !== "string" || this.#exact.has(name)) return name
    return this.#byLower.get(name.toLowerCase()) ?? name
  }
}

/**
 * One message, however often it is delivered. PHP makes ids from the time, so two of a busy shop's may be the same: the
 * content belongs to it. Without an id of its own nobody can tell a repetition from a second event; null.
 */
export function idempotencyKeyOf(queue: string, messageId: unknown, content: Buffer): string | null {
  if (typeof messageId !== "string" || messageId === "") return null
  const parts = [queue, messageId, createHash("sha256").update(content).digest("base64url")]
  return `magento/${createHash("sha256").update(JSON.stringify(parts)).digest("base64url")}`
}
