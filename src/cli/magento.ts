import type { Command } from "commander"
import { InvalidInputError } from "../core/errors.ts"
import { argument, DATABASE } from "./command.ts"

/** The verbs for a Magento shop. */
export function addMagento(program: Command): void {
  const magento = program.command("magento").description("what a Magento shop's Async Events are moved with")
  magento
    .command("import <files...>")
    .description("make definitions of async_events.xml: print them, or write them for an app")
    .option("--out <file>", "write them there, such as src/events/magento.ts")
    .option("--force", "also over a file that was not made by this verb")
    .action(async (files, options) =>
      (await import("./verbs/magento-import.ts")).importEvents(files, options),
    )
  magento
    .command("listen [dir]")
    .description("take what the shop of an app publishes to its broker; other processes of the app handle it")
    .option("--database <url>", DATABASE)
    .action(async (dir, options) => (await import("./verbs/magento.ts")).listen(dir ?? ".", options))
  magento
    .command("refused [dir]")
    .description("list messages of the shop that could not become events, the oldest first")
    .option("--limit <count>", "at most so many", argument(parseLimit), 50)
    .option("--retry", "let all of them be taken again")
    .option("--json", "print JSON")
    .action(async (dir, options) => (await import("./verbs/magento.ts")).refused(dir ?? ".", options))
}

function parseLimit(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text)
  throw new InvalidInputError(`Expected \`--limit\` to be a whole number from 1 to 9999, got ${text}.`)
}
