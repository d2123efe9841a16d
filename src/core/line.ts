/**
 * The line in which a job waits for others of its key. Tenants choose their keys by themselves, so each scope has lines
 * of its own; those of the default scope are called as their keys.
 */
export function lineOf(scope: string, key: string): string {
  return scope === "" ? key : `${scope}${BETWEEN}${key}`
}

/** The key that a line is of. */
export function keyOfLine(line: string): string {
  return line.slice(line.indexOf(BETWEEN) + 1)
}

/** Stands in no key, for keys have no control characters. */
const BETWEEN = "\n"
