import { expected, InvalidInputError } from "../core/errors.ts"

/** The topic on which shops publish their events to a queue, each as a `QueueMessage`. */
export const EVENT_QUEUE = "event.trigger"

/** The event's name, its named arguments as JSON, and the store that it is of. */
export type QueueMessage = readonly [name: string, jsonArguments: string, storeId?: number | string | null]

export interface FromQueue {
  readonly name: string
  readonly args: unknown
  readonly storeId: number | undefined
}

/** @throws InvalidInputError */
export function fromQueue(message: unknown): FromQueue {
  if (!Array.isArray(message) || message.length < 2 || message.length > 3)
    throw new InvalidInputError(
      expected(`what is published on \`${EVENT_QUEUE}\` to be \`[name, jsonArguments, storeId?]\``, message),
    )
  const [name, jsonArguments, storeId] = message as readonly unknown[]
  if (typeof name !== "string") throw new InvalidInputError(expected("the event's name first", name))
  return { name, args: argumentsIn(name, jsonArguments), storeId: storeIdOf(storeId ?? undefined) }
}

/** PHP writes an array without anything in it as a list. */
function argumentsIn(name: string, json: unknown): unknown {
  if (typeof json !== "string")
    throw new InvalidInputError(expected(`the arguments of \`${name}\` to be JSON in a string`, json))
  const args = parsed(name, json)
  return Array.isArray(args) && args.length === 0 ? {} : args
}

function parsed(name: string, json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    // What JSON.parse says quotes the payload.
    throw new InvalidInputError(
      `Expected the arguments of \`${name}\` to be JSON in a string, got ${json.length} characters that are none.`,
    )
  }
}

/** @throws InvalidInputError unless it is the number of a store; 0 = of all */
export function storeIdOf(storeId: unknown): number | undefined {
  if (storeId === undefined) return undefined
  const id = typeof storeId === "string" && /^\d{1,9}$/.test(storeId) ? Number(storeId) : storeId
  if (Number.isInteger(id) && (id as number) >= 0 && (id as number) <= MOST_STORE_ID) return id as number
  throw new InvalidInputError(expected("`storeId` to be a whole number from 0 up", storeId))
}

const MOST_STORE_ID = 999_999_999
