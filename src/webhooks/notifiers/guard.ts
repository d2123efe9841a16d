import type { LookupFunction } from "node:net"
import { InvalidInputError } from "../../core/errors.ts"
import { AddressRules } from "../http/addresses.ts"
import { Names, type ResolvedAddress, type ResolveName } from "../http/names.ts"
import { literalOf, type NetworkPolicy, NOT_PUBLIC } from "../http/network.ts"
import { SendError } from "../http/send-error.ts"

/** Keeps connections that others make, a cloud's SDK or AMQP, from where webhooks must not go. */
export class Guard {
  readonly policy: NetworkPolicy
  readonly #rules: AddressRules
  readonly #resolve: ResolveName

  constructor(policy: NetworkPolicy, resolve: ResolveName = new Names().resolve) {
    this.policy = policy
    this.#rules = new AddressRules(policy)
    this.#resolve = resolve
  }

  /**
   * Refuses a host that could never be dialled. `isOpen`: public addresses may be called this way; others only where
   * they are allowed by name. Sockets never look literal addresses up, so these are checked here, before each use.
   *
   * @throws InvalidInputError
   */
  checkHost(hostname: string, isOpen: boolean): void {
    const literal = literalOf(hostname)
    const may =
      literal === null ? isOpen || this.policy.allow.length > 0 : this.#rules.mayDial(literal, isOpen)
    if (!may) throw new InvalidInputError(`Expected \`recipient\` ${NOT_PUBLIC}.`)
  }

  /**
   * The same, and looks up what a name stands for today. One that cannot be resolved passes: it may be there tomorrow,
   * and is looked at again with each connection.
   *
   * @throws InvalidInputError
   */
  async check(hostname: string, isOpen: boolean): Promise<void> {
    this.checkHost(hostname, isOpen)
    if (literalOf(hostname) !== null) return
    const found = await this.#resolve(hostname).catch(() => [])
    if (found.some(({ address }) => !this.#rules.mayDial(address, isOpen)))
      throw new InvalidInputError(`Expected \`recipient\` ${NOT_PUBLIC}.`)
  }

  /** Resolves names for one connection, which dials just what was checked: one bad address refuses all. */
  lookup(isOpen: boolean): LookupFunction {
    return (hostname, { all }, callback) => {
      const answer = (found: readonly ResolvedAddress[]): void => {
        const [first] = found
        if (first === undefined || !found.every(({ address }) => this.#rules.mayDial(address, isOpen)))
          callback(new SendError(`Expected the recipient ${NOT_PUBLIC}.`), "")
        else if (all) callback(null, [...found])
        else callback(null, first.address, first.family)
      }
      this.#resolve(hostname).then(answer, (error: Error) => callback(error, ""))
    }
  }
}
