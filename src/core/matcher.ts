import { compileCidr } from "./cidr.ts"
import { expected, InvalidFilterError } from "./errors.ts"
import { isRecord } from "./filter-shape.ts"
import { compileNumeric } from "./numeric.ts"
import { matcherOfPieces, nearestName } from "./pattern.ts"

/** A value without parts: what a filter can compare. */
export type Scalar = string | number | boolean | null

/** One entry of a filter's list, ready for use. */
export interface Matcher {
  /** What it wants, for people: `numeric > 100`. */
  readonly wanted: string
  /** `true` or `false` when it only asks whether the field is there; else `null`. */
  readonly exists: boolean | null
  readonly test: (value: Scalar) => boolean
}

/** Makes a matcher of one entry of a list: a value, or an object with one operator. */
export function compileMatcher(entry: unknown, path: string): Matcher {
  if (isScalar(entry)) return matcher(JSON.stringify(entry), (value) => value === entry)
  if (!isRecord(entry)) throw wrong(`\`${path}\` to list values, or tests like \`{ "prefix": "A" }\``, entry)
  const [operator, ...others] = Object.keys(entry)
  if (operator === undefined || others.length > 0) {
    throw new InvalidFilterError(
      `Expected one operator in each test of \`${path}\`, got ${others.length + (operator ? 1 : 0)}. ` +
        "Tests that stand in one list mean or.",
    )
  }
  const compile = operators.get(operator)
  if (compile === undefined) throw unknownOperator(operator, path)
  return compile(entry[operator], `${path}.${operator}`)
}

type Compile = (operand: unknown, path: string) => Matcher

const operators = new Map<string, Compile>([
  ["prefix", (operand, path) => textMatcher("prefix", operand, path)],
  ["suffix", (operand, path) => textMatcher("suffix", operand, path)],
  ["equals-ignore-case", (operand, path) => textMatcher("equals-ignore-case", operand, path)],
  ["wildcard", (operand, path) => textMatcher("wildcard", operand, path)],
  ["cidr", (operand, path) => textMatcher("cidr", operand, path)],
  ["numeric", numericMatcher],
  ["exists", existsMatcher],
  ["anything-but", anythingButMatcher],
])

type TextTest = (value: string) => boolean

// Each makes a test of its operand, or null when the operand makes no sense to it.
const textOperators = new Map<string, (operand: string) => TextTest | null>([
  ["prefix", (start) => (value) => value.startsWith(start)],
  ["suffix", (end) => (value) => value.endsWith(end)],
  ["equals-ignore-case", (text) => equalsIgnoringCase(text)],
  ["wildcard", (pattern) => matcherOfPieces(piecesOf(pattern))],
  ["cidr", compileCidr],
])

function textMatcher(operator: string, operand: unknown, path: string): Matcher {
  const isAffix = operator === "prefix" || operator === "suffix"
  if (isAffix && isRecord(operand)) return affixIgnoringCase(operator, operand, path)
  const test = textTest(operator, operand, path)
  return matcher(
    `${operator} ${JSON.stringify(operand)}`,
    (value) => typeof value === "string" && test(value),
  )
}

function textTest(operator: string, operand: unknown, path: string): TextTest {
  const test = typeof operand === "string" ? textOperators.get(operator)?.(operand) : null
  if (test) return test
  throw wrong(
    operator === "cidr" ? `\`${path}\` to be a network like "10.0.0.0/8"` : `\`${path}\` to be a string`,
    operand,
  )
}

function affixIgnoringCase(operator: string, operand: Record<string, unknown>, path: string): Matcher {
  const text = operand["equals-ignore-case"]
  if (typeof text !== "string" || Object.keys(operand).length !== 1) {
    throw wrong(`\`${path}\` to be a string or \`{ "equals-ignore-case": "…" }\``, operand)
  }
  const test = textTest(operator, text.toLowerCase(), path)
  return matcher(
    `${operator} ${JSON.stringify(text)} in any case`,
    (value) => typeof value === "string" && test(value.toLowerCase()),
  )
}

function equalsIgnoringCase(text: string): TextTest {
  const lower = text.toLowerCase()
  return (value) => value.toLowerCase() === lower
}

/** The pieces between the stars; `\*` is a star itself, and `\\` a backslash. */
function piecesOf(pattern: string): string[] {
  const pieces = [""]
  for (const [part] of pattern.matchAll(/\\[*\\]|./gsu)) {
    if (part === "*") pieces.push("")
    else pieces[pieces.length - 1] += part.length > 1 && part.startsWith("\\") ? part.slice(1) : part
  }
  return pieces
}

function existsMatcher(operand: unknown, path: string): Matcher {
  if (typeof operand !== "boolean") throw wrong(`\`${path}\` to be true or false`, operand)
  return { wanted: operand ? "it to exist" : "it not to exist", exists: operand, test: () => operand }
}

function numericMatcher(operand: unknown, path: string): Matcher {
  const test = compileNumeric(operand)
  if (test === null) {
    throw wrong(
      `\`${path}\` to be like \`["=", 5]\`, \`[">", 5]\` or a range like \`[">=", 0, "<", 5]\``,
      operand,
    )
  }
  const wanted = (operand as unknown[]).join(" ").replace(/(\d) (?=[<>])/, "$1, ")
  return matcher(`numeric ${wanted}`, (value) => typeof value === "number" && test(value))
}

function anythingButMatcher(operand: unknown, path: string): Matcher {
  if (isRecord(operand)) return anythingButText(operand, path)
  const refused = Array.isArray(operand) ? operand : [operand]
  if (refused.length === 0 || !refused.every(isScalar)) {
    throw wrong(`\`${path}\` to be a value, a list of values, or a test like \`{ "prefix": "A" }\``, operand)
  }
  const set = new Set<Scalar>(refused)
  return matcher(
    `anything but ${refused.map((value) => JSON.stringify(value)).join(", ")}`,
    (value) => !set.has(value),
  )
}

function anythingButText(operand: Record<string, unknown>, path: string): Matcher {
  const [operator = "", ...others] = Object.keys(operand)
  if (others.length > 0 || !textOperators.has(operator)) {
    throw new InvalidFilterError(`Expected one of ${[...textOperators.keys()].join(", ")} in \`${path}\`.`)
  }
  const texts = Array.isArray(operand[operator]) ? operand[operator] : [operand[operator]]
  if (texts.length === 0) throw wrong(`\`${path}.${operator}\` to list at least one string`, texts)
  const tests = texts.map((text: unknown) => textTest(operator, text, `${path}.${operator}`))
  return matcher(
    `anything but ${operator} ${texts.map((text: unknown) => JSON.stringify(text)).join(", ")}`,
    (value) => typeof value !== "string" || !tests.some((test) => test(value)),
  )
}

function unknownOperator(operator: string, path: string): InvalidFilterError {
  const names = [...operators.keys()]
  const near = nearestName(operator, names)
  const mend = near === null ? `There are ${names.join(", ")}.` : `Did you mean \`${near}\`?`
  return new InvalidFilterError(
    `A filter has no operator \`${operator.slice(0, 60)}\` (at \`${path}\`). ${mend}`,
  )
}

function matcher(wanted: string, test: (value: Scalar) => boolean): Matcher {
  return { wanted, exists: null, test }
}

function wrong(what: string, came: unknown): InvalidFilterError {
  return new InvalidFilterError(expected(what, came))
}

function isScalar(value: unknown): value is Scalar {
  return value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value)
}
