/**
 * What tells whether a number passes `["=", 5]`, `[">", 5]` or a range such as
 * `[">=", 0, "<", 5]`, or `null` when `operand` is none of these or nothing could pass.
 */
export function compileNumeric(operand: unknown): ((value: number) => boolean) | null {
  const comparisons = Array.isArray(operand) ? comparisonsOf(operand) : []
  const [first, second] = comparisons
  if (first === undefined || comparisons.length > 2) return null
  if (second === undefined) return first.test
  return isRange(first, second) ? (value) => first.test(value) && second.test(value) : null
}

interface Comparison {
  readonly sign: string
  readonly bound: number
  readonly test: (value: number) => boolean
}

/** The comparisons of a list that goes sign, number, sign, number; none when it does not. */
function comparisonsOf(list: readonly unknown[]): Comparison[] {
  const comparisons: Comparison[] = []
  for (let i = 0; i < list.length; i += 2) {
    const [sign, bound] = [list[i], list[i + 1]]
    if (typeof sign !== "string" || typeof bound !== "number" || !Number.isFinite(bound)) return []
    const test = signs.get(sign)?.(bound)
    if (test === undefined) return []
    comparisons.push({ sign, bound, test })
  }
  return comparisons
}

const signs = new Map<string, (bound: number) => (value: number) => boolean>([
  ["=", (bound) => (value) => value === bound],
  ["!=", (bound) => (value) => value !== bound],
  ["<", (bound) => (value) => value < bound],
  ["<=", (bound) => (value) => value <= bound],
  [">", (bound) => (value) => value > bound],
  [">=", (bound) => (value) => value >= bound],
])

/** Whether one is a lower bound and one an upper, in either order, with a number between them. */
function isRange(a: Comparison, b: Comparison): boolean {
  const [lower, upper] = a.sign.startsWith(">") ? [a, b] : [b, a]
  if (!lower.sign.startsWith(">") || !upper.sign.startsWith("<")) return false
  if (lower.bound !== upper.bound) return lower.bound < upper.bound
  return lower.test(upper.bound) && upper.test(lower.bound)
}
