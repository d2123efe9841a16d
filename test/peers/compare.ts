import { withoutIds } from "./show.ts"
import type { Trace } from "./stage.ts"

/** What two lanes show of a program, where they differ: by place, first one's and second one's words. */
export type Differing = Readonly<Record<string, readonly [string, string]>>

export const NOTHING = "–" // it is not there

export function compare(one: Trace, other: Trace): Differing {
  const [first, second] = [placesOf(one), placesOf(other)]
  const places = [...new Set([...Object.keys(first), ...Object.keys(second)])].sort()
  return Object.fromEntries(
    places
      .map((place) => [place, [first[place] ?? NOTHING, second[place] ?? NOTHING]] as const)
      .filter(([, [a, b]]) => a !== b),
  )
}

/** A trace as places with words: `calls`, `run.state`, `run.steps.charge`, `events` … */
function placesOf({ calls, events, notes, strays = [] }: Trace): Record<string, string> {
  const places: Record<string, string> = {}
  const put = (place: string, value: unknown): void => {
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      for (const [name, inner] of Object.entries(value)) put(`${place}.${name}`, inner)
    else places[place] = withoutIds(Array.isArray(value) ? value.join(" | ") : String(value))
  }
  put("calls", calls)
  if (events.length > 0) put("events", events)
  if (strays.length > 0) put("strays", strays)
  for (const [asked, answer] of Object.entries(notes)) put(asked, answer)
  return places
}
