import { type CarillonContainer, registerValues } from "../container.ts"
import type { ServiceFactory } from "./config.ts"

/** An app's own services: made in order, ended in the reverse. */
export class Services {
  readonly #container: CarillonContainer
  readonly #made: unknown[] = []

  constructor(container: CarillonContainer) {
    this.#container = container
  }

  async make(factories: Readonly<Record<string, ServiceFactory>>): Promise<void> {
    for (const [name, make] of Object.entries(factories)) {
      const service = await make(this.#container)
      this.#made.push(service)
      registerValues(this.#container, { [name]: service })
    }
  }

  /** One that cannot be ended does not keep the others; the first failure is thrown when all had their turn. */
  async dispose(): Promise<void> {
    const failures: unknown[] = []
    const end = async (work: () => unknown): Promise<void> => {
      try {
        await work()
      } catch (error) {
        failures.push(error)
      }
    }
    await end(() => this.#container.dispose())
    for (const service of this.#made.splice(0).reverse()) await end(() => disposerOf(service)?.call(service))
    if (failures.length > 0) throw failures[0]
  }
}

function disposerOf(service: unknown): (() => unknown) | undefined {
  const disposable = service as Partial<AsyncDisposable & Disposable> | null | undefined
  return disposable?.[Symbol.asyncDispose] ?? disposable?.[Symbol.dispose]
}
