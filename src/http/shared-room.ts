import type { Room } from "./body.ts"
import { HttpError } from "./http-error.ts"

export interface SharedRoomOptions {
  readonly most: number
  readonly mostOfOne: number
  readonly what: string // what it is room for, in the words of a refusal
}

/** Of something there is only so much at one time for all, and for each of them less: nobody can take it all. */
export class SharedRoom {
  readonly #options: SharedRoomOptions
  readonly #takenBy = new Map<string, number>()
  #taken = 0

  constructor(options: SharedRoomOptions) {
    this.#options = options
  }

  get taken(): number {
    return this.#taken
  }

  /** What one request of theirs takes, until it is answered. */
  share(who: string): Share {
    return new Share(this, who)
  }

  /** @throws HttpError (503) when that is more than there is */
  change(who: string, amount: number): void {
    const own = (this.#takenBy.get(who) ?? 0) + amount
    if (amount > 0) this.#refuseMore(own, this.#taken + amount)
    this.#taken += amount
    if (own > 0) this.#takenBy.set(who, own)
    else this.#takenBy.delete(who)
  }

  #refuseMore(own: number, all: number): void {
    const { most, mostOfOne, what } = this.#options
    if (all > most) throw full(`Too many ${what} at the moment. Try again soon.`)
    if (own > mostOfOne) throw full(`Too many ${what} for one credential at the moment. Try again soon.`)
  }
}

class Share implements Room {
  readonly #room: SharedRoom
  readonly #who: string
  #amount = 0

  constructor(room: SharedRoom, who: string) {
    this.#room = room
    this.#who = who
  }

  take(amount: number): void {
    this.#room.change(this.#who, amount)
    this.#amount += amount
  }

  free(): void {
    if (this.#amount > 0) this.#room.change(this.#who, -this.#amount)
    this.#amount = 0
  }
}

/** The rest is not read, so the connection is of no use any more. */
function full(message: string): HttpError {
  return new HttpError(503, message, { headers: { "retry-after": "1", connection: "close" } })
}
