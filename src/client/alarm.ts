/** The end of one try: its time is up, or whoever asked does not want it any more. */
export class Alarm {
  readonly signal: AbortSignal
  rang = false
  readonly #timer: ReturnType<typeof setTimeout>

  constructor(afterMs: number, wanted: AbortSignal | undefined) {
    const late = new AbortController()
    this.signal = wanted === undefined ? late.signal : AbortSignal.any([late.signal, wanted])
    this.#timer = setTimeout(() => {
      this.rang = true
      late.abort()
    }, afterMs)
  }

  calm(): void {
    clearTimeout(this.#timer)
  }
}
