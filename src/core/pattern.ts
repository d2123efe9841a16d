/**
 * What tells whether an event name fits a pattern. `*` stands for any run of
 * characters, dots and nothing at all included; everything else stands for itself.
 */
export function compileNamePattern(pattern: string): (name: string) => boolean {
  return (name) => name === pattern
}
/** Whether a pattern fits one name only, itself. */
export function isExactName(pattern: string): boolean {
  return !pattern.includes("*")
}
/** The candidate that `name` was most likely meant to be, or `null` when none is near. */
export function nearestName(name: string, candidates: Iterable<string>): string | null {
  void name
  void candidates
  return null
}
