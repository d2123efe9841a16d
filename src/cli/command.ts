import { type Command, InvalidArgumentError } from "commander"

export const DATABASE =
  "file:./shop.db or postgres://host/db?schema=carillon (default: CARILLON_DATABASE, else file:.carillon/carillon.db)"

const SERVER = "ask this server instead: https://events.shop.example (default: CARILLON_URL)"
const TOKEN = "for --url; - reads it from standard input (default: CARILLON_TOKEN, which others cannot see)"

export function common(command: Command): Command {
  return command
    .option("--database <url>", DATABASE)
    .option("--url <server>", SERVER)
    .option("--token <token>", TOKEN)
    .option("--group <name>", "whose subscriptions are meant (default: the nearest package's name)")
    .option("--json", "print JSON")
}

/** What lies in scopes, and may be asked for within one. */
export function scoped(command: Command): Command {
  return command.option("--scope <scope>", "only what lies in this account/workspace")
}

export function list(command: Command): Command {
  return common(command)
    .option("--limit <count>", "at most so many (default: 50)", argument(parseCount))
    .option("--cursor <cursor>", "go on where a list ended")
}

/** What a parser refuses is a usage error, said in commander's form. */
export function argument<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text)
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message)
    }
  }
}

/** An option that may be said several times, or once with commas. */
export function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...text.split(",").filter((each) => each !== "")]
}

function parseCount(text: string): number {
  const count = Number(text)
  if (Number.isSafeInteger(count) && count >= 1 && count <= 1_000) return count
  throw new Error("Expected a whole number from 1 to 1000.")
}
