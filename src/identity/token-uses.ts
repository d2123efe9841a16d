import { type RecordSource, Records } from "./records.ts"

const EVERY_MS = 60_000

/**
 * When tokens were last used, written once a minute at most. It does not stand in the token itself: whoever writes it
 * must not bring back one that is being revoked.
 */
export class TokenUses {
  readonly #records: Records<Use>
  readonly #now: () => number

  constructor({ source, now }: { readonly source: RecordSource; readonly now: () => number }) {
    this.#records = new Records(source, "token-uses")
    this.#now = now
  }

  async note(id: string): Promise<void> {
    const now = this.#now()
    if (now - ((await this.of(id)) ?? Number.NEGATIVE_INFINITY) < EVERY_MS) return
    // Nobody waits for it, and who comes while nothing can be written is let in all the same.
    void this.#records.set(id, { id, at: now }).catch(() => {})
  }

  async of(id: string): Promise<number | null> {
    return (await this.#records.get(id))?.at ?? null
  }

  async all(): Promise<ReadonlyMap<string, number>> {
    return new Map((await this.#records.all()).map(({ id, at }) => [id, at]))
  }
}

interface Use {
  readonly id: string
  readonly at: number // epoch ms
}
