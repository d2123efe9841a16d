import type { Pool } from "../worker/handlers.ts"

/**
 * What is known of an endpoint: its last attempt succeeded (`proven`); nothing yet (`new`); it fails, or does not answer
 * (`failing`).
 */
export type Standing = "proven" | "new" | "failing"

/** Who asks for a slot: in which standing, and for whose events. */
export interface Party {
  readonly standing: Standing
  readonly scope: string // a tenant
}

/** New endpoints may take half of all slots, failing ones a quarter. */
const NEW_SHARE = 1 / 2
const FAILING_SHARE = 1 / 4

/** Attempts at new ones that turn out to hang still run; with them it is three quarters, and never more. */
const SUSPECT_SHARE = 3 / 4

/**
 * Where there are several tenants, each may take four times as much as is free: one that is greedy four fifths of all,
 * two such four ninths each. So there is room for whoever comes next.
 */
const SCOPE_FACTOR = 4

/**
 * So many deliveries to such endpoints may wait here for a slot, one or two of each: in the order in which they came,
 * which the store could not keep.
 */
const MOST_SUSPECTS_WAITING = 2_000

/** The slots of this process for webhooks, and who has them: nobody's endpoints may take them all. */
export class Allotment {
  readonly #slots: number
  readonly #mostSuspect: number
  readonly #mostNew: number
  readonly #mostFailing: number
  readonly #running = { proven: 0, new: 0, failing: 0 }
  readonly #waiting = { proven: 0, new: 0, failing: 0 }
  readonly #byScope = new Map<string, number>()
  readonly #endpoints = new Map<string, number>() // by scope
  readonly #pools: Readonly<Record<Standing, Pool>>

  constructor(slots: number) {
    this.#slots = slots
    this.#mostSuspect = Math.max(1, Math.floor(slots * SUSPECT_SHARE))
    this.#mostNew = Math.max(1, Math.floor(slots * NEW_SHARE))
    this.#mostFailing = Math.max(1, Math.floor(slots * FAILING_SHARE))
    this.#pools = {
      proven: poolOf(() => this.#slots - this.running - this.#waiting.proven),
      new: poolOf(() => this.#suspectRoom),
      failing: poolOf(() => this.#suspectRoom),
    }
  }

  get running(): number {
    const { proven, new: unknown, failing } = this.#running
    return proven + unknown + failing
  }

  mayStart({ standing, scope }: Party): boolean {
    const { running } = this
    if (running >= this.#slots) return false
    if (this.#endpoints.size > 1 && this.#of(scope) >= SCOPE_FACTOR * (this.#slots - running)) return false
    if (standing === "proven") return true
    const { new: unknown, failing } = this.#running
    if (unknown + failing >= this.#mostSuspect) return false
    return standing === "new" ? unknown < this.#mostNew : failing < this.#mostFailing
  }

  /** An endpoint of this tenant is sent to from here. */
  joined(scope: string): void {
    this.#endpoints.set(scope, (this.#endpoints.get(scope) ?? 0) + 1)
  }

  left(scope: string): void {
    less(this.#endpoints, scope)
  }

  poolOf(standing: Standing): Pool {
    return this.#pools[standing]
  }

  started({ standing, scope }: Party): void {
    this.#running[standing]++
    this.#byScope.set(scope, this.#of(scope) + 1)
  }

  ended({ standing, scope }: Party): void {
    this.#running[standing]--
    less(this.#byScope, scope)
  }

  waits(standing: Standing, change: number): void {
    this.#waiting[standing] += change
  }

  /** Something else is known of an endpoint: with it goes what it has here. */
  moved(from: Standing, to: Standing, has: { readonly running: number; readonly waiting: number }): void {
    this.#running[from] -= has.running
    this.#running[to] += has.running
    this.#waiting[from] -= has.waiting
    this.#waiting[to] += has.waiting
  }

  #of(scope: string): number {
    return this.#byScope.get(scope) ?? 0
  }

  get #suspectRoom(): number {
    return MOST_SUSPECTS_WAITING - this.#waiting.new - this.#waiting.failing
  }
}

function poolOf(room: () => number): Pool {
  return {
    get room() {
      return Math.max(0, room())
    },
  }
}

function less(counts: Map<string, number>, key: string): void {
  const left = (counts.get(key) ?? 1) - 1
  if (left === 0) counts.delete(key)
  else counts.set(key, left)
}
