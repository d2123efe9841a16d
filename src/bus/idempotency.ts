import { createHash } from "node:crypto"
import { IdConflictError, InvalidInputError } from "../core/errors.ts"
import type { DraftEvent, EventInput } from "../core/event.ts"
import { checkText, contentHash } from "./draft.ts"

/**
 * The events of one call under a key of the caller's, so that the same call again is the same events.
 *
 * Those without an id of their own get one that follows from the key, their scope and their place among such. Each
 * of them has the whole call in its hash, and the first is in every call: so another call under the same key meets
 * an id with other content, and is refused as a whole.
 */
export function underKey(
  key: unknown,
  drafts: readonly DraftEvent[],
  inputs: readonly EventInput[],
): DraftEvent[] {
  const checked = checkText("idempotencyKey", key)
  const contents = drafts.map((draft, i) => draft.hash ?? contentHash(draft, inputs[i]))
  const call = digest(drafts.map(({ scope, id }, i) => [scope, id, contents[i]]))
  const places = new Map<string, number>()
  return drafts.map((draft, i) => {
    if (draft.id !== null) return draft
    const place = places.get(draft.scope) ?? 0
    places.set(draft.scope, place + 1)
    const id = `${PREFIX}${digest([checked, draft.scope, place])}`
    return { ...draft, id, hash: digest([call, contents[i]]) }
  })
}

const PREFIX = "idk_"

function digest(parts: unknown): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64url")
}

/** Events of an application's transaction are compared with others only after it has committed. */
export function keyInTransaction(): InvalidInputError {
  return new InvalidInputError(
    "Expected an emit with `tx` or with `idempotencyKey`, got both: what is emitted in a transaction is compared with earlier events only after its commit, when nothing can be refused any more. Give the events ids of their own, or let a row of your own in that transaction keep it from being done twice.",
  )
}

/** Each group is written for itself, so that a refused call could have been written in part. */
export function keyOverGroups(groups: number): InvalidInputError {
  return new InvalidInputError(
    `Expected the events of one emit with \`idempotencyKey\` to be of one event group, or all of none, got ${groups}: each is written by itself. Emit them in several calls, with a key each.`,
  )
}

/** Says it in the caller's words where an id was in conflict that the caller never saw. */
export function inWordsOfTheKey(error: unknown, drafts: readonly DraftEvent[]): unknown {
  if (!(error instanceof IdConflictError)) return error
  const isDerived = drafts.some(({ id }) => id?.startsWith(PREFIX) && error.message.includes(id))
  if (!isDerived) return error
  return new IdConflictError(
    "Expected the same events in the same order as in the first emit under this `idempotencyKey`, got others: a key stands for one call, for 7 days. Nothing was written. Use another key, or emit the same events.",
    { cause: error },
  )
}
