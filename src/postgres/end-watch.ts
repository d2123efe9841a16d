/** One watch for each transaction, however many wait for its end. */
export class EndWatch<T extends object> {
  readonly #watch: (transaction: T, ended: () => void) => void
  readonly #waiting = new WeakMap<T, (() => void)[]>()

  constructor(watch: (transaction: T, ended: () => void) => void) {
    this.#watch = watch
  }

  add(transaction: T, callback: () => void): void {
    const waiting = this.#waiting.get(transaction)
    if (waiting !== undefined) {
      waiting.push(callback)
      return
    }
    const callbacks = [callback]
    this.#waiting.set(transaction, callbacks)
    this.#watch(transaction, () => {
      this.#waiting.delete(transaction)
      for (const each of callbacks) each()
    })
  }
}
