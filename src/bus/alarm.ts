/** Waits in real time: what it waits for is another process, not the application's clock. */
export class Alarm {
  #wake: (() => void) | null = null
  #rang = false

  ring(): void {
    this.#rang = true
    this.#wake?.()
  }

  async wait(ms: number): Promise<void> {
    if (!this.#rang) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    this.#wake = null
    this.#rang = false
  }
}
