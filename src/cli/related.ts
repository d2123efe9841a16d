import type { RelatedEvent } from "../bus/causes.ts"
import { visible } from "./output.ts"

/** An event or a run in the line of what caused what, in words. */
export function related({ kind, id, name }: RelatedEvent): string {
  const what =
    kind === "event"
      ? (name ?? "an event that is not kept any more")
      : name === null
        ? "a run that is not kept any more"
        : `a run of ${name}`
  return `${visible(what)}  ${visible(id)}`
}
