import type { Tenant } from "./tenant.ts"

/** How Acme tries to reach a thing of Globex, by one route. */
export interface Attempt {
  readonly how: string
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string | undefined>>
  /** What Acme gets: byte for byte the same where there is no Globex. */
  readonly status: number
  /** What Globex gets for the same request, once Acme is done: it shows that the attempt was aimed well. */
  readonly theirs?: number | undefined
  /** An answer without an end is read until this was in it. */
  readonly until?: string
}

/** `own` is Acme in the store that is asked, `theirs` always Globex in the store that has it. */
export type Attempts = (own: Tenant, theirs: Tenant) => readonly Attempt[]

/** The attempts of some routes, by their ids. */
export type Matrix = Readonly<Record<string, Attempts>>
