import { expected, InvalidInputError } from "./errors.ts"

/**
 * What tells whether an event name fits a pattern.
 *
 * `*` stands for any run of characters, dots included, and for nothing at all;
 * it may stand anywhere and more than once, and alone it fits every name. All
 * else stands for itself, in this case: `order.*` fits every name that begins
 * with `order.`, so neither `order` nor `Order.placed`.
 *
 * @throws InvalidInputError when the pattern is empty, longer than 255 characters
 *   or holds a control character
 */
export function compileNamePattern(pattern: string): (name: string) => boolean {
  checkText("an event name or pattern", pattern)
  if (pattern === "*") return () => true
  return matcherOfPieces(pattern.split("*"))
}

/** Whether a pattern fits one name only, itself. */
export function isExactName(pattern: string): boolean {
  return !pattern.includes("*")
}

/**
 * Refuses what cannot be an event's name: it is a string of 1 to 255 characters,
 * without control characters, and without `*`, which only patterns have.
 *
 * @throws InvalidInputError
 */
export function checkEventName(name: unknown): asserts name is string {
  checkText("an event name", name)
  if (!isExactName(name)) {
    throw new InvalidInputError(expected("an event name without `*`, which stands for any characters", name))
  }
}

const longestName = 255

function checkText(what: string, text: unknown): asserts text is string {
  if (typeof text !== "string" || text.length === 0 || text.length > longestName) {
    throw new InvalidInputError(expected(`${what} to be a string of 1 to ${longestName} characters`, text))
  }
  // Half a surrogate pair is no character either: a store would quietly replace it.
  if (/\p{Cc}/u.test(text) || !text.isWellFormed()) {
    throw new InvalidInputError(expected(`${what} to hold no control characters`, text))
  }
}

/** A test for texts made of these pieces, in this order, with anything between two of them. */
export function matcherOfPieces(pieces: readonly string[]): (text: string) => boolean {
  const [first = "", ...others] = pieces
  const last = others.pop()
  if (last === undefined) return (text) => text === first
  const middles = others.filter((piece) => piece !== "")
  const shortest = first.length + last.length

  return (text) => {
    if (text.length < shortest || !text.startsWith(first) || !text.endsWith(last)) return false
    // The leftmost place of each piece leaves the most room to the next, so no second try is needed.
    let from = first.length
    for (const piece of middles) {
      const found = text.indexOf(piece, from)
      if (found === -1) return false
      from = found + piece.length
    }
    return from <= text.length - last.length
  }
}

/**
 * The candidate that `name` was most likely meant to be, for "did you mean", or
 * `null` when none is near: other letters in at most a third of it, upper and
 * lower case taken as equal. Of equally near ones the first.
 */
export function nearestName(name: string, candidates: Iterable<string>): string | null {
  const wanted = name.toLowerCase().slice(0, longestName)
  let nearest: string | null = null
  let limit = Math.max(1, Math.floor(wanted.length / 3)) + 1
  for (const candidate of candidates) {
    if (candidate === name || candidate.length > longestName) continue
    const distance = editDistance(wanted, candidate.toLowerCase(), limit)
    if (distance >= limit) continue
    nearest = candidate
    limit = distance
  }
  return nearest
}

/** Letters to add, drop, change, or swap with their neighbour to make `a` of `b`; `limit` when that many or more. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let before: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(at(previous, j) + 1, at(row, j - 1) + 1, at(previous, j - 1) + (same ? 0 : 1))
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) cost = Math.min(cost, at(before, j - 2) + 1)
      row.push(cost)
    }
    if (Math.min(...row, ...previous) >= limit) return limit
    before = previous
    previous = row
  }
  return Math.min(at(previous, b.length), limit)
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY
}
