import { ConfigError, InvalidInputError } from "../core/errors.ts"
import { nearestName } from "../core/pattern.ts"
import type { Notifier } from "./notifier.ts"

/** The notifiers of this process, by their keys and by their other names. */
export class NotifierBook {
  readonly #notifiers: readonly Notifier[]
  readonly #byName = new Map<string, Notifier>()

  /** @throws ConfigError for what is no notifier, and for two of one name */
  constructor(notifiers: readonly Notifier[]) {
    this.#notifiers = notifiers
    for (const notifier of notifiers)
      for (const name of [notifier?.key, ...(notifier?.aliases ?? [])]) this.#add(name, notifier)
  }

  get keys(): readonly string[] {
    return this.#notifiers.map(({ key }) => key)
  }

  /** Undefined where this process knows none of that name. */
  find(name: string): Notifier | undefined {
    return this.#byName.get(name)
  }

  /** @throws InvalidInputError with those that there are */
  get(name: string): Notifier {
    const notifier = this.#byName.get(name)
    if (notifier !== undefined) return notifier
    const near = nearestName(name, this.#byName.keys())
    const mend = near === null ? `There are ${this.keys.join(", ")}.` : `Did you mean \`${near}\`?`
    throw new InvalidInputError(
      `Expected the key of a notifier, got \`${name}\`. ${mend} One of an app's own is known only where that app runs: ask its server.`,
    )
  }

  /** Ends what they hold. */
  async close(): Promise<void> {
    await Promise.all(this.#notifiers.map((each) => each.close?.()))
  }

  #add(name: unknown, notifier: Notifier): void {
    if (typeof name !== "string" || !KEY.test(name) || typeof notifier.notify !== "function")
      throw new ConfigError(
        "Expected a notifier to have a `key` of 1 to 64 small letters, digits, `-` and `_`, and a method `notify`.",
      )
    if (this.#byName.has(name))
      throw new ConfigError(
        `Expected notifiers to have names of their own, got two called \`${name}\`. Give yours another \`key\`.`,
      )
    this.#byName.set(name, notifier)
  }
}

const KEY = /^[a-z0-9][a-z0-9_-]{0,63}$/
