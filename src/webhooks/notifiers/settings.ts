import { expected, InvalidInputError } from "../../core/errors.ts"

type Options = Readonly<Record<string, unknown>>

/** What a notifier is given beside the recipient, read with the names it knows. */
export class Settings {
  readonly #notifier: string
  readonly #options: Options
  readonly #credentials: Options

  /** @throws InvalidInputError for a name that nothing is known of */
  constructor(
    notifier: string,
    options: Options,
    known: { readonly options: readonly string[]; readonly credentials: readonly string[] },
  ) {
    const { credentials = {}, ...others } = options
    this.#notifier = notifier
    this.#options = others
    this.#credentials = record(credentials)
    refuseOthers("options", others, known.options, notifier)
    refuseOthers("credentials", this.#credentials, known.credentials, notifier)
  }

  has(name: string): boolean {
    return this.#options[name] !== undefined
  }

  /** null = it is not given. */
  text(name: string, pattern: RegExp, what: string): string | null {
    return read(`options.${name}`, this.#options[name], pattern, what, this.#notifier)
  }

  /** Never shown, whatever is wrong with it. */
  credential(name: string): string | null {
    const value = this.#credentials[name]
    if (value === undefined) return null
    if (typeof value === "string" && value !== "" && value.length <= 4_096) return value
    throw new InvalidInputError(`Expected \`credentials.${name}\` of \`${this.#notifier}\` to be text.`)
  }
}

function record(value: unknown): Options {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Options
  throw new InvalidInputError(expected("`credentials` to be an object", value))
}

function refuseOthers(what: string, given: Options, known: readonly string[], notifier: string): void {
  const other = Object.keys(given).find((name) => !known.includes(name))
  if (other !== undefined)
    throw new InvalidInputError(
      `Expected the ${what} of \`${notifier}\` to be among ${known.join(", ")}, got \`${other}\`.`,
    )
}

function read(name: string, value: unknown, pattern: RegExp, what: string, notifier: string): string | null {
  if (value === undefined) return null
  if (typeof value === "string" && value.length <= 2_048 && pattern.test(value)) return value
  throw new InvalidInputError(expected(`\`${name}\` of \`${notifier}\` to be ${what}`, value))
}
