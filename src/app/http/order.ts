/** What one segment of a path stands for; the wider comes first where all that match are walked. */
type Kind = "global" | "wildcard" | "regex" | "static" | "params"

const WALK: readonly Kind[] = ["global", "wildcard", "regex", "static", "params"]
const BEST: readonly Kind[] = ["static", "params", "regex", "wildcard", "global"]

interface Placed {
  readonly matcher: string | RegExp
  readonly hasMethods: boolean
}

/**
 * The order in which middlewares and routes are walked; equals stay as they were.
 *
 * It is Medusa's, because apps rely on it: a middleware for `/products/:id` does not see requests that
 * the route `/products/import` answers.
 */
export function inWalkingOrder<T extends Placed>(all: readonly T[]): T[] {
  return sorted(all, WALK)
}

/** The most particular first. */
export function bestFirst<T extends Placed>(all: readonly T[]): T[] {
  return sorted(all, BEST)
}

function sorted<T extends Placed>(all: readonly T[], order: readonly Kind[]): T[] {
  const ranked = all.map((each) => ({ each, ranks: kindsOf(each).map((kind) => order.indexOf(kind)) }))
  return ranked.sort((a, b) => compare(a.ranks, b.ranks)).map(({ each }) => each)
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

function kindsOf({ matcher, hasMethods }: Placed): Kind[] {
  if (matcher instanceof RegExp) return ["regex"]
  const segments = matcher.split("/").filter((segment) => segment !== "")
  if (segments.length === 0) return [hasMethods ? "static" : "global"]
  return segments.map((segment) => (hasMethods ? kindOf(segment) : "global"))
}

function kindOf(segment: string): Kind {
  if (segment.startsWith("*")) return "wildcard"
  if (segment.startsWith(":")) return "params"
  return /[(+*[\])!{}?]/.test(segment) ? "regex" : "static"
}
