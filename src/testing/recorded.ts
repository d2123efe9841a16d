import { AsyncLocalStorage } from "node:async_hooks"
import type { EventModule } from "../bus/events.ts"
import type { EventDefinition } from "../core/definition.ts"
import type { EventInput } from "../core/event.ts"
import { deepFreeze } from "../core/freeze.ts"

/** An event that went out, with its data as handlers get it: after its schema, after JSON. */
export interface RecordedEmit<T = unknown> {
  readonly name: string
  readonly data: T
  readonly metadata: Readonly<Record<string, unknown>>
}

/** Some fields of a value, and of the values in it. */
export type Part<T> = T extends readonly (infer Item)[]
  ? readonly Part<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]?: Part<T[Key]> }
    : T

/** A call that emits, and what it let out so far. */
interface Emitting {
  readonly emits: RecordedEmit[]
  isOver: boolean
}

/**
 * What a test's Carillon emitted, in order. Staged events count from their release on; an emit that was
 * refused does not count.
 *
 * The assertions throw a plain `Error` that says what was emitted instead, so any test runner will do.
 */
export class Recorded {
  readonly #emits: RecordedEmit[] = []
  readonly #current = new AsyncLocalStorage<Emitting>()

  constructor(events: EventModule) {
    events.addInterceptor((event, { isGrouped }) => {
      const emitting = this.#current.getStore()
      if (emitting?.isOver === false) {
        if (isGrouped === true || !event.metadata?.eventGroupId) emitting.emits.push(toRecord(event))
      } else if (isGrouped === true) this.#emits.push(toRecord(event)) // a run has ended, and releases them itself
    })
  }

  /** Keeps what `emit` lets out, if it succeeds. */
  async during<T>(emit: () => Promise<T>): Promise<T> {
    const emitting: Emitting = { emits: [], isOver: false }
    try {
      const result = await this.#current.run(emitting, emit)
      this.#emits.push(...emitting.emits)
      return result
    } finally {
      emitting.isOver = true // what it causes goes on in its name
    }
  }

  get list(): readonly RecordedEmit[] {
    return [...this.#emits]
  }

  /**
   * The first event of this name whose data has these fields; further fields do not matter, lists must
   * be equal in length.
   *
   * @throws Error when there is none
   */
  expectEmitted<Output>(event: EventDefinition<unknown, Output>, data?: Part<Output>): RecordedEmit<Output>
  expectEmitted<T = unknown>(event: string, data?: Part<T>): RecordedEmit<T>
  expectEmitted(event: string | EventDefinition, data?: unknown): RecordedEmit {
    const found = this.#find(nameOf(event), data)
    if (found !== undefined) return found
    throw new Error(`Expected ${wanted(nameOf(event), data)} to be emitted. ${this.#told()}`)
  }

  /**
   * Says that no event of this name, with these fields in its data, went out.
   *
   * @throws Error when there is one
   */
  expectNotEmitted<Output>(event: EventDefinition<unknown, Output>, data?: Part<Output>): void
  expectNotEmitted<T = unknown>(event: string, data?: Part<T>): void
  expectNotEmitted(event: string | EventDefinition, data?: unknown): void {
    const found = this.#find(nameOf(event), data)
    if (found === undefined) return
    throw new Error(`Expected ${wanted(nameOf(event), data)} not to be emitted, but it was: ${line(found)}`)
  }

  /** Forgets what was emitted so far. */
  clear(): void {
    this.#emits.length = 0
  }

  #find(name: string, data: unknown): RecordedEmit | undefined {
    return this.#emits.find((each) => each.name === name && (data === undefined || holds(each.data, data)))
  }

  #told(): string {
    if (this.#emits.length === 0) return "Nothing was emitted."
    const newest = this.#emits.slice(-LINES)
    const more = this.#emits.length - newest.length
    const heading = more === 0 ? "Emitted were:" : `Emitted were ${more} others, then:`
    return `${heading}\n${newest.map((each) => `  ${line(each)}`).join("\n")}`
  }
}

const LINES = 20
const LONGEST_LINE = 300

function toRecord({ name, data, metadata }: EventInput): RecordedEmit {
  return deepFreeze({
    name,
    data: asStored(data),
    metadata: (asStored(metadata) ?? {}) as Record<string, unknown>,
  })
}

function asStored(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value))
}

function nameOf(event: string | EventDefinition): string {
  return typeof event === "string" ? event : event.name
}

function wanted(name: string, data: unknown): string {
  return data === undefined ? `\`${name}\`` : `\`${name}\` with ${JSON.stringify(data)}`
}

function line({ name, data }: RecordedEmit): string {
  const text = `${name} ${JSON.stringify(data) ?? ""}`
  return text.length <= LONGEST_LINE ? text : `${text.slice(0, LONGEST_LINE)}…`
}

/** Has `value` all that `part` names? */
function holds(value: unknown, part: unknown): boolean {
  const stored = asStored(part)
  return isObject(stored) ? holdsFields(value, stored) : Object.is(value, stored)
}

function holdsFields(value: unknown, part: Readonly<Record<string, unknown>>): boolean {
  if (!isObject(value) || Array.isArray(value) !== Array.isArray(part)) return false
  if (Array.isArray(part) && (value as { length?: unknown }).length !== part.length) return false
  return Object.entries(part).every(([field, inner]) => holds(value[field], inner))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null
}
