import { NotFoundError } from "../core/errors.ts"

/** How many keys a message names. */
const MOST_SHOWN = 10

/** Rows that were asked for by their keys are not there. */
export function notFound(name: string, key: string, ids: readonly unknown[]): NotFoundError {
  const shown = ids.slice(0, MOST_SHOWN).map((id) => `\`${String(id)}\``)
  const more = ids.length > MOST_SHOWN ? ` and ${ids.length - MOST_SHOWN} more` : ""
  return new NotFoundError(
    `Expected \`${name}\` with \`${key}\` ${shown.join(", ")}${more}, but there is none. It may have been deleted.`,
  )
}
