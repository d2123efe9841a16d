import { all, type Program, type Row, type Value } from "./program.ts"

/** Places for values: `(?, ?), (?, ?)`. */
export function places(rows: number, columns: number): string {
  const row = `(${new Array(columns).fill("?").join(", ")})`
  return new Array(rows).fill(row).join(", ")
}

export interface List {
  readonly places: string
  readonly values: readonly Value[]
}

/**
 * What stands behind IN. It is filled up to a power of two with its last value, so that a few prepared
 * texts serve lists of all lengths; an empty one, which PostgreSQL has no words for, matches nothing.
 */
export function listOf(values: readonly Value[]): List {
  const last = values[values.length - 1]
  if (last === undefined) return { places: "(NULL)", values }
  const size = 2 ** Math.ceil(Math.log2(values.length))
  const filled = [...values, ...new Array<Value>(size - values.length).fill(last)]
  return { places: places(1, size), values: filled }
}

/** Rows to a statement: few statements over a connection, and few texts to prepare. */
const SIZES = [64, 8, 1]

/** An INSERT of any number of rows; what it RETURNs is handed back together. */
export function insertOf(
  head: string,
  columns: number,
  tail: string,
): (rows: readonly (readonly Value[])[]) => Program<readonly Row[]> {
  const texts = SIZES.map((size) => `${head} VALUES ${places(size, columns)} ${tail}`)
  return function* insert(rows) {
    const returned: Row[] = []
    let at = 0
    for (const [i, size] of SIZES.entries()) {
      for (; rows.length - at >= size; at += size) {
        const values = rows.slice(at, at + size).flat()
        returned.push(...(yield* all(texts[i] as string, ...values)))
      }
    }
    return returned
  }
}
