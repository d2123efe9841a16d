import { isRecord } from "./spelling.ts"

/** Which fields are wanted, and of these which: `items[subscription_id],total_count`. */
type Wanted = ReadonlyMap<string, Wanted | null> // null = all of it

/** An answer with the fields that `?fields=` names. What cannot be read as such a list changes nothing. */
export function project(answer: unknown, fields: unknown): unknown {
  const wanted = typeof fields === "string" ? wantedIn(fields) : null
  return wanted === null ? answer : only(answer, wanted)
}

function only(value: unknown, wanted: Wanted): unknown {
  if (Array.isArray(value)) return value.map((each) => only(each, wanted))
  if (!isRecord(value)) return value
  const kept = [...wanted].filter(([name]) => Object.hasOwn(value, name))
  return Object.fromEntries(
    kept.map(([name, inner]) => [name, inner === null ? value[name] : only(value[name], inner)]),
  )
}

/** Null = it is no such list. */
function wantedIn(fields: string): Wanted | null {
  const root = new Map<string, Wanted | null>()
  const open = [root]
  let last: string | null = null
  for (const [token] of fields.matchAll(/[\w.-]+|[[\],]|\S/g)) {
    const current = open.at(-1) as Map<string, Wanted | null>
    if (/^[\w.-]+$/.test(token)) {
      last = token
      current.set(token, null)
    } else if (token === "[" && last !== null && open.length < DEEPEST) {
      const inner = new Map<string, Wanted | null>()
      current.set(last, inner)
      open.push(inner)
      last = null
    } else if (token === "]" && open.length > 1) {
      open.pop()
      last = null
    } else if (token !== ",") return null
  }
  return open.length === 1 && root.size > 0 ? root : null
}

const DEEPEST = 10
