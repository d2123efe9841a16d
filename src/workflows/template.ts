import type { RunValues } from "../runs/definition.ts"
import type { ComposedStep } from "./composed-step.ts"
import { isSpread, leftOut, sourceOf } from "./reference.ts"

/** A value with references in it, as it was handed over, and how to make the real one of it. */
export interface Template {
  readonly read: (values: RunValues) => unknown // may be a promise
  readonly needs: readonly ComposedStep[]
  readonly isFixed: boolean // there is no reference in it
}

/** Looks through plain objects and arrays; what is of a class of its own is taken as it is. */
export function templateOf(value: unknown, path: readonly unknown[] = []): Template {
  const source = sourceOf(value)
  if (source !== null) return { read: source.read, needs: source.needs, isFixed: false }
  if (path.includes(value)) return constant(value) // a cycle: whoever writes it will say so
  if (Array.isArray(value)) {
    const parts = value.map((each) => templateOf(each, [...path, value]))
    return joined(parts, value, (values) => values)
  }
  if (!isPlain(value)) return constant(value)

  const names = Object.keys(value)
  const parts = names.map((name) => templateOf(value[name], [...path, value]))
  return joined(parts, value, (values) => objectOf(names, values))
}

/** What a template reads, as a copy: whoever is handed it may do with it what they like. */
export function readCopy({ read }: Template, values: RunValues): unknown {
  const value = read(values)
  return value instanceof Promise ? value.then(copied) : copied(value)
}

/**
 * The same answer for all who ask in this run, once it has come without an error.
 *
 * An error is not kept: the step that met it may be tried again.
 */
export function once(values: RunValues, key: object, make: () => unknown): unknown {
  const cell = values.memo(key, () => ({ answer: null })) as Cell
  if (cell.answer === null) {
    const value = settled(make())
    const answer = { value }
    cell.answer = answer
    if (value instanceof Promise)
      value.catch(() => {
        if (cell.answer === answer) cell.answer = null
      })
  }
  return cell.answer.value
}

/** What a function of the user's answered with; anything that is awaited is a promise from here on. */
export function settled(value: unknown): unknown {
  if (value instanceof Promise || value === null || typeof value !== "object") return value
  return typeof (value as { then?: unknown }).then === "function" ? Promise.resolve(value) : value
}

interface Cell {
  answer: { readonly value: unknown } | null // null = nobody has asked yet
}

function constant(value: unknown): Template {
  return { read: () => value, needs: [], isFixed: true }
}

function joined(
  parts: readonly Template[],
  value: unknown,
  join: (values: readonly unknown[]) => unknown,
): Template {
  if (parts.every((part) => part.isFixed)) return constant(value)
  return {
    read: (values) => {
      const read = readAll(parts, values)
      return read.some((each) => each instanceof Promise) ? Promise.all(read).then(join) : join(read)
    },
    needs: parts.flatMap((part) => part.needs),
    isFixed: false,
  }
}

function readAll(parts: readonly Template[], values: RunValues): unknown[] {
  const read: unknown[] = []
  try {
    for (const part of parts) read.push(part.read(values))
    return read
  } catch (error) {
    // Nobody will await what was read before, which may fail as well.
    for (const each of read) if (each instanceof Promise) each.catch(() => {})
    throw error
  }
}

function objectOf(names: readonly string[], values: readonly unknown[]): Record<string, unknown> {
  const made: Record<string, unknown> = {}
  names.forEach((name, i) => {
    if (isSpread(name)) spreadInto(made, values[i], leftOut(name, names))
    else Object.defineProperty(made, name, { value: values[i], ...OPEN })
  })
  return made
}

function spreadInto(made: object, value: unknown, without: readonly string[]): void {
  for (const [name, each] of Object.entries((value ?? {}) as object))
    if (!without.includes(name)) Object.defineProperty(made, name, { value: each, ...OPEN })
}

function copied(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copied)
  if (value instanceof Date) return new Date(value)
  if (!isPlain(value)) return value
  return objectOf(Object.keys(value), Object.values(value).map(copied))
}

// Defined and not assigned: `__proto__` is a name like others in what comes from JSON.
const OPEN = { enumerable: true, configurable: true, writable: true }

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
