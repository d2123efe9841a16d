import { UnserialisableError } from "./errors.ts"

/**
 * Values of workflows on their way to the store and back: JSON in which dates stay dates and bytes stay bytes.
 *
 * What comes back is what every worker sees, whether it ran the step itself or took the run over.
 */
export function writeValue(value: unknown, what: string): string | null {
  if (value === undefined) return null
  let text: string | undefined
  try {
    text = JSON.stringify(tagged(value, []))
  } catch (error) {
    if (error instanceof UnserialisableError) throw error
    throw new UnserialisableError(`Expected ${what} to be JSON, got ${(error as Error).message}.`, {
      cause: error,
    })
  }
  return text ?? null

  function tagged(each: unknown, path: readonly string[]): unknown {
    if (each === null || typeof each === "string" || typeof each === "boolean") return each
    if (typeof each === "number") return Number.isFinite(each) ? each : null
    if (typeof each === "bigint" || typeof each === "symbol") throw refused(each, path)
    if (typeof each !== "object") return undefined
    if (each instanceof Date) return Number.isNaN(each.getTime()) ? null : { [DATE]: each.toISOString() }
    if (each instanceof Uint8Array) return { [BYTES]: Buffer.from(each).toString("base64") }
    if (path.length > DEEPEST) throw refused("a cycle, or something too deep", path.slice(0, 5))
    if (Array.isArray(each)) return each.map((inner, i) => tagged(inner, [...path, String(i)]))
    const own = each as Record<string, unknown> & { toJSON?: (key: string) => unknown }
    if (typeof own.toJSON === "function") return tagged(own.toJSON(path.at(-1) ?? ""), [...path, "toJSON()"])
    const copy: Record<string, unknown> = {}
    for (const [name, inner] of Object.entries(own))
      if (inner !== undefined && typeof inner !== "function")
        put(copy, TAGS.has(name.replace(/^\$+/, "$")) ? `$${name}` : name, tagged(inner, [...path, name]))
    return copy
  }

  function refused(got: unknown, path: readonly string[]): UnserialisableError {
    const shown = typeof got === "bigint" ? `${got}n` : String(got)
    const where = path.length === 0 ? "" : ` at \`${path.join(".")}\``
    return new UnserialisableError(
      `Expected ${what} to be JSON (dates and bytes are kept, too), got ${shown}${where}. Hand over a string, a number or a plain object.`,
    )
  }
}

/** What `writeValue` wrote; null = undefined. */
export function readValue(text: string | null): unknown {
  if (text === null) return undefined
  if (!text.includes('"$')) return JSON.parse(text)
  return JSON.parse(text, (_, value: unknown) => {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return value
    const names = Object.keys(value)
    const [name] = names
    if (name?.startsWith("$") !== true) return names.some(isEscaped) ? unescaped(value, names) : value
    const tag = (value as Record<string, unknown>)[name]
    if (names.length === 1 && typeof tag === "string") {
      if (name === DATE) return new Date(tag)
      if (name === BYTES) return Buffer.from(tag, "base64")
    }
    return names.some(isEscaped) ? unescaped(value, names) : value
  })
}

const DATE = "$date"
const BYTES = "$bytes"
const TAGS: ReadonlySet<string> = new Set([DATE, BYTES])
const DEEPEST = 200

function isEscaped(name: string): boolean {
  return name.startsWith("$$") && TAGS.has(name.replace(/^\$+/, "$"))
}

function unescaped(value: object, names: readonly string[]): object {
  const copy: Record<string, unknown> = {}
  for (const name of names)
    put(copy, isEscaped(name) ? name.slice(1) : name, (value as Record<string, unknown>)[name])
  return copy
}

/** Assigning to `__proto__` would change what an object is, and lose the field. */
function put(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== "__proto__") object[name] = value
  else Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true })
}
