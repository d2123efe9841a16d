import type { HandBackRequest } from "../engine/leases.ts"

/** Something that is leased to a worker of this process, from when it is known until it is settled. */
export interface HeldLease {
  readonly source: "batch" | "part" | "job"
  readonly no: number
  readonly worker: number
}

/**
 * What this process holds and knows of. What the store has under our lease beside it came with an answer
 * that was lost: nobody would ever run it.
 */
export class Held {
  readonly #leases = new Set<HeldLease>()

  add(lease: HeldLease): void {
    this.#leases.add(lease)
  }

  delete(lease: HeldLease): void {
    this.#leases.delete(lease)
  }

  /** The lease of them all is gone. */
  clear(): void {
    this.#leases.clear()
  }

  of(worker: number): Pick<HandBackRequest, "batches" | "parts" | "jobs"> {
    const known = { batch: [] as number[], part: [] as number[], job: [] as number[] }
    for (const lease of this.#leases) if (lease.worker === worker) known[lease.source].push(lease.no)
    return { batches: known.batch, parts: known.part, jobs: known.job }
  }
}
