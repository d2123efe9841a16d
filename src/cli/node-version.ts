/** What `engines` in package.json says; older ones have no `node:sqlite`, and fail far from here. */
const OLDEST = 24

/** What to say to somebody whose Node is too old; null = it will do. */
export function tooOld(version: string): string | null {
  const [major = 0] = version.split(".").map(Number)
  if (major >= OLDEST) return null
  return `Expected Node ${OLDEST} or later, this is ${version}. Install that one, or a newer one.`
}
