import type { StoredEvent } from "../../core/event.ts"
import type { Engine } from "../../engine/engine.ts"

/** What the conformance suite needs to know of an engine. */
export interface EngineHarness {
  readonly name: string
  /** Makes a new, empty, migrated store. */
  create(): Promise<StoreUnderTest>
  /** What cannot be shown on this engine, and why not: those tests are skipped aloud with this reason. */
  readonly missing?: Readonly<Partial<Record<Feature, string>>>
}

/** What not every engine has, or not every harness can bring about. */
export type Feature = "several processes" | "dead processes" | "newer stores" | "pruning by rows"

/** One store, and what a test may do to it from outside. */
export interface StoreUnderTest {
  readonly engine: Engine
  /** The store's time in milliseconds since 1970. */
  now(): number
  advance(ms: number): Promise<void>
  /** Makes what was written visible to what is read next; nothing to do where it is so at once. */
  flush(): Promise<void>
  /** Fields with which the store refuses an event. */
  readonly badEvent: Partial<StoredEvent>
  destroy(): Promise<void>
  /** For `several processes`: another engine on this store, as another process would open it; migrates it. */
  open?(): Promise<Engine>
  /** For `dead processes`: makes it so that the process of this worker has died. */
  kill?(worker: number): Promise<void>
  /** For `newer stores`: makes the store one that a newer version wrote. */
  makeNewer?(): Promise<void>
  /** For `newer stores`: something that differs whenever the store does. */
  fingerprint?(): Promise<string>
}

/** The part of a test runner that the suite uses; those of Vitest and Jest fit. */
export interface TestRunner {
  readonly describe: (name: string, body: () => void) => void
  readonly it: ((name: string, body: () => Promise<void>) => void) & {
    readonly skip: (name: string, body: () => Promise<void>) => void
  }
  readonly expect: Expect
}

export type Expect = (value: unknown) => {
  toBe(expected: unknown): void
  toEqual(expected: unknown): void
  toMatchObject(expected: object): void
}
