/**
 * Freezes a JSON value all the way down and returns it.
 *
 * It is meant for what `JSON.parse` gave, which holds no cycle and nothing that
 * is frozen already: it does not look inside what it finds frozen. Depth costs
 * memory, never the call stack.
 */
export function deepFreeze<T>(value: T): T {
  if (!isContainer(value)) return value
  const open: object[] = [value]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    Object.freeze(next)
    for (const key in next) {
      const child = (next as Record<string, unknown>)[key]
      if (isContainer(child) && !Object.isFrozen(child)) open.push(child)
    }
  }
  return value
}

function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null
}
