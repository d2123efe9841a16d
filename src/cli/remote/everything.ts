import { revived } from "../revived.ts"

/** A whole list, as the library has it at once. */
export async function everything<T>(list: AsyncIterable<unknown>): Promise<readonly T[]> {
  const items: T[] = []
  for await (const item of list) items.push(revived(item))
  return items
}
