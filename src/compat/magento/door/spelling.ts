import { noField } from "./refusals.ts"

/** What is said under a name, which shops spell `store_id` or `storeId`; undefined = nothing, or null. */
export function spelled(record: Readonly<Record<string, unknown>>, name: string): unknown {
  const found = spellings(name).find((each) => Object.hasOwn(record, each))
  return found === undefined ? undefined : (record[found] ?? undefined)
}

/**
 * A name that is misspelt would be a filter that lets everything through, or a store that is every store.
 *
 * @throws ShopRefusal, as a shop refuses what it has no setter for
 */
export function checkFields(record: Readonly<Record<string, unknown>>, names: readonly string[]): void {
  const known = names.flatMap(spellings)
  const other = Object.keys(record).find((each) => !known.includes(each))
  if (other !== undefined) throw noField(other, names)
}

function spellings(name: string): readonly string[] {
  return [name, name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())]
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
