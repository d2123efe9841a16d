/** What is said under a name, which shops spell `store_id` or `storeId`; undefined = nothing, or null. */
export function spelled(record: Readonly<Record<string, unknown>>, name: string): unknown {
  const spellings = [name, name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())]
  const found = spellings.find((each) => Object.hasOwn(record, each))
  return found === undefined ? undefined : (record[found] ?? undefined)
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
