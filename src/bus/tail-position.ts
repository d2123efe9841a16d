import { expected, InvalidInputError } from "../core/errors.ts"
import type { EventKey } from "../core/ids.ts"

/** Where a tail is, as it tells those who want to go on from there later. */
export interface TailPosition {
  /** Everything up to here was told, this one included. */
  readonly told: EventKey
  /** Events before it with deliveries that had not ended. */
  readonly open: readonly EventKey[]
}

/** Each is some thirty characters, and a position travels with every entry: of very many, the newest are named. */
const MOST_OPEN = 32

/** Opaque to others: they hand it back as it is. */
export function formatPosition({ told, open }: TailPosition): string {
  return [told, ...open.slice(-MOST_OPEN)].map(formatPlace).join("~")
}

/** @throws InvalidInputError */
export function parsePosition(position: unknown): TailPosition {
  const places = typeof position === "string" ? position.split("~", MOST_OPEN + 2).map(parsePlace) : []
  const [told, ...open] = places
  if (told && open.length <= MOST_OPEN && open.every((each) => each !== null))
    return { told, open: open as EventKey[] }
  throw new InvalidInputError(expected("`after` to be the `position` of an entry of a tail", position))
}

export function formatPlace({ commitId, index }: EventKey): string {
  return `${commitId}.${index}`
}

function parsePlace(text: string): EventKey | null {
  const match = /^([0-9A-HJKMNP-TV-Z]{26})\.(\d{1,5})$/.exec(text)
  return match === null ? null : { commitId: match[1] as string, index: Number(match[2]) }
}

export function isBehind(a: EventKey, b: EventKey): boolean {
  return a.commitId === b.commitId ? a.index > b.index : a.commitId > b.commitId
}

export function earlierOf(a: EventKey, b: EventKey): EventKey {
  return isBehind(a, b) ? b : a
}

export function laterOf(a: EventKey, b: EventKey): EventKey {
  return isBehind(a, b) ? a : b
}
