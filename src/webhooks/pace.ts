/** So many attempts may run at one time at an endpoint that nobody knows yet. */
const FIRST_SLOTS = 1

/**
 * How many attempts an endpoint bears at one time, found by trying: one more with each success at first, later with
 * each round of successes; half as many when it shows that it is overloaded.
 */
export class Pace {
  #slots = FIRST_SLOTS
  #knownGood = Number.POSITIVE_INFINITY // from here on it grows slowly

  get slots(): number {
    return Math.max(1, Math.floor(this.#slots))
  }

  /** So many ran when it succeeded, itself included: who does not use its slots shows nothing. */
  succeeded(running: number, most: number): void {
    if (running < this.slots) return
    this.#slots = Math.min(most, this.#slots + (this.#slots < this.#knownGood ? 1 : 1 / this.#slots))
  }

  overloaded(): void {
    this.#knownGood = Math.max(FIRST_SLOTS, this.#slots / 2)
    this.#slots = Math.max(1, this.#slots / 2)
  }
}
