import { expected, InvalidFilterError, InvalidInputError } from "../core/errors.ts"

/**
 * A store of a shop is told by `metadata.storeId` of its events, and bounded by a filter: nothing in routing knows of
 * stores. Events without one are everybody's.
 */
type Pattern = Readonly<Record<string, unknown>>

const MOST = 2_147_483_647

/** @throws InvalidInputError */
export function checkedStoreId(storeId: unknown): number {
  if (Number.isInteger(storeId) && (storeId as number) >= 0 && (storeId as number) <= MOST)
    return storeId as number
  throw new InvalidInputError(
    expected(`\`storeId\` to be a whole number from 0, which is every store, to ${MOST}`, storeId),
  )
}

/**
 * The filter with a store in it.
 *
 * @throws InvalidFilterError where it speaks of stores already
 */
export function boundToStore(filter: Pattern | null, storeId: number): Pattern | null {
  if (storeId === 0) return filter
  const { metadata = {}, ...rest } = filter ?? {}
  if (typeof metadata !== "object" || metadata === null || Array.isArray(metadata))
    throw new InvalidFilterError(
      "Expected a `filter` that asks for fields of `metadata`, for `storeId` is one of them, got one that asks for `metadata` as a whole.",
    )
  if (Object.hasOwn(metadata, "storeId"))
    throw new InvalidFilterError(
      "Expected `storeId` or a `filter` on `metadata.storeId`, got both. Leave one of them out.",
    )
  return { ...rest, metadata: { ...metadata, storeId: [storeId, 0, { exists: false }] } }
}

/** The filter as it was given, without the store that it was bound to. */
export function unboundFromStore(filter: Pattern | null, storeId: number): Pattern | null {
  if (storeId === 0 || filter === null) return filter
  const { metadata, ...rest } = filter
  const { storeId: _, ...others } = metadata as Pattern
  if (Object.keys(others).length > 0) return { ...rest, metadata: others }
  return Object.keys(rest).length > 0 ? rest : null
}
