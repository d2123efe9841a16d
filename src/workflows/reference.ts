import { inspect } from "node:util"
import { InvalidInputError } from "../core/errors.ts"
import type { RunValues } from "../runs/definition.ts"
import type { ComposedStep } from "./composed-step.ts"

/** A value that is there only when the workflow runs, and how to come by it. */
export interface Source {
  readonly read: (values: RunValues) => unknown // may be a promise
  readonly needs: readonly ComposedStep[] // that must have ended before
  readonly words: string // what it is, for messages
  readonly step: ComposedStep | null // whose output it is, as a whole; null = something else
}

/**
 * What the composer holds in its hands in place of a value. Properties of it are references again;
 * whatever would need the value now is refused by an error that says what to do instead.
 */
export function reference(source: Source, methods: Readonly<Record<string, unknown>> = {}): object {
  return proxyOf({}, source, methods)
}

/** The source behind a reference; null for everything else. Also of a reference from another copy of this module. */
export function sourceOf(value: unknown): Source | null {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return null
  return (value as { [SOURCE]?: Source })[SOURCE] ?? null
}

/** A key under which a reference stands that was spread into an object: `{ ...brand, name }`. */
export function isSpread(key: string): boolean {
  return key.startsWith(SPREAD)
}

/**
 * Which properties were left out of a spread into an object with the keys `holder`, as in `const { id, ...rest } = brand`: they were
 * offered by their names, since they had been asked for before, and did not come along.
 */
export function leftOut(key: string, holder: readonly string[]): readonly string[] {
  const offered = JSON.parse(key.slice(key.indexOf("["))) as string[]
  return offered.filter((name) => !holder.includes(name))
}

const SOURCE = Symbol.for("carillon.reference")
const SPREAD = "\0carillon.spread:"
const MOST_DESTRUCTURED = 100
let spreads = 0

function proxyOf(target: object, source: Source, methods: Readonly<Record<string, unknown>>): object {
  const properties = new Map<string, object>()
  const self: object = new Proxy(target, {
    get(_, name) {
      if (typeof name === "symbol") return ofSymbol(name)
      if (Object.hasOwn(methods, name)) return methods[name]
      if (isSpread(name)) return self
      // Nobody may take it for a promise, or for something that knows its JSON.
      if (name === "then") return undefined
      if (name === "toJSON") return () => refuse(source, "made into JSON")
      return propertyNamed(name)
    },
    has: () => refuse(source, "asked for its properties with `in`"),
    set: (_, name) => refuse(source, `given a property \`${String(name)}\``),
    defineProperty: (_, name) => refuse(source, `given a property \`${String(name)}\``),
    deleteProperty: () => refuse(source, "deprived of a property"),
    apply: () => refuse(source, "called"),
    // All that can be said of its keys before it is there: it is to be spread into an object.
    ownKeys: () => [`${SPREAD}${++spreads}${JSON.stringify([...properties.keys()])}`, ...properties.keys()],
    getOwnPropertyDescriptor: (_, name) => {
      if (typeof name !== "string") return undefined
      const value = isSpread(name) ? self : properties.get(name)
      return value && { value, enumerable: true, configurable: true, writable: false }
    },
  })
  return self

  function ofSymbol(name: symbol): unknown {
    if (name === SOURCE) return source
    if (name === Symbol.iterator) return () => elements(self as readonly unknown[], source)
    if (name === Symbol.toPrimitive) return () => refuse(source, "compared, computed with or put into a text")
    if (name === inspect.custom) return () => `[${source.words}]`
    return undefined
  }

  function propertyNamed(name: string): object {
    let property = properties.get(name)
    if (property === undefined) {
      // A function can be called, which is how `brands.map(...)` comes to a message that helps.
      property = proxyOf(METHODS.has(name) ? () => {} : {}, propertyOf(source, name), {})
      properties.set(name, property)
    }
    return property
  }
}

function propertyOf({ read, needs, words }: Source, name: string): Source {
  return {
    read: (values) => {
      const parent = read(values)
      return parent instanceof Promise ? parent.then(pick) : pick(parent)
    },
    needs,
    words: /^\d+$/.test(name) ? `${words}[${name}]` : `${words}.${name}`,
    step: null,
  }

  function pick(parent: unknown): unknown {
    const value = (parent as Record<string, unknown> | null | undefined)?.[name]
    return typeof value === "function" ? undefined : value
  }
}

/** For `const [first, second] = brands`, which takes as many as it names. */
function* elements(of: readonly unknown[], source: Source): Generator<unknown> {
  for (let i = 0; i < MOST_DESTRUCTURED; i++) yield of[i]
  refuse(source, "gone through, or spread into an array")
}

function refuse({ words }: Source, what: string): never {
  throw new InvalidInputError(
    `Expected ${words} to be handed on as it is, but it was ${what} while the workflow is composed, ` +
      "which happens once and before any run has values. " +
      "Do that in `transform(values, (values) => ...)`, or decide by it in `when(values, (values) => ...)`.",
  )
}

/** What people call on values; a property of such a name can be handed on like all others. */
const METHODS: ReadonlySet<string> = new Set(
  [Array.prototype, String.prototype, Number.prototype, Date.prototype, Map.prototype].flatMap((prototype) =>
    Object.getOwnPropertyNames(prototype).filter((name) => name !== "constructor" && name !== "length"),
  ),
)
