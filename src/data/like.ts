import { InvalidInputError } from "../core/errors.ts"

/** How many patterns are kept as regular expressions: a query asks of every row by the same one. */
const MOST_PATTERNS = 100

const matchers = new Map<string, RegExp>()

/** A pattern of `$like` as PostgreSQL reads it: `%` = any text, `_` = one letter, `\` before one = itself. */
export function matcherOf(pattern: string, ignoreCase: boolean): RegExp {
  const key = `${ignoreCase}${pattern}`
  let matcher = matchers.get(key)
  if (matcher === undefined) {
    const source = pattern.replaceAll(/\\(.)|%|_|[\^$.*+?()[\]{}|/\\-]/gsu, (found, escaped?: string) => {
      if (escaped !== undefined) return literal(escaped)
      return found === "%" ? ".*" : found === "_" ? "." : literal(found)
    })
    matcher = new RegExp(`^${source}$`, ignoreCase ? "isu" : "su")
    if (matchers.size >= MOST_PATTERNS) matchers.clear()
    matchers.set(key, matcher)
  }
  return matcher
}

/** The pattern for texts that contain this one. */
export function containing(text: string): string {
  return `%${text.replaceAll(/[\\%_]/g, "\\$&")}%`
}

export function checkPattern(where: string, pattern: string): void {
  if (/(?<!\\)(?:\\\\)*\\$/.test(pattern))
    throw new InvalidInputError(
      `Expected the pattern for ${where} to have something after its last \`\\\`. Write \`\\\\\\\\\` for one that is meant.`,
    )
}

function literal(letter: string): string {
  return /[\^$.*+?()[\]{}|/\\]/.test(letter) ? `\\${letter}` : letter
}
