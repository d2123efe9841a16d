import type { Command } from "commander"
import { argument, collect, common } from "./command.ts"
import { parseDuration, parseTime } from "./time.ts"

/** The verbs about what is sent out of the house. */
export function addWebhooks(program: Command): void {
  const webhooks = program.command("webhook").description("what is sent out of the house, and where to")
  addTerms(webhooks)
  addLooks(webhooks)
  addStates(webhooks)
}

function addTerms(webhooks: Command): void {
  terms(common(webhooks.command("create [recipient]")))
    .description("have events sent to a URL, and print the secret that signs them: it is shown this once")
    .option(
      "--secret <secret>",
      "what receivers check with (default: one is made); - reads it from standard input",
    )
    .option("--secret-kind <kind>", "of which kind one is made: hmac or ed25519 (default: hmac)")
    .option(
      "--start <when>",
      "beginning, or 7d, or an ISO date: also events since then (default: now)",
      argument(parseStart),
    )
    .option("--disabled", "let what it hears wait until it is enabled")
    .action(async (recipient, options) => (await import("./verbs/webhook.ts")).create(recipient, options))
  terms(common(webhooks.command("update <id>")))
    .description("change a webhook; what is left out stays as it is")
    .option("--recipient <url>", "where it goes")
    .action(async (id, options) => (await import("./verbs/webhook.ts")).update(id, options))
  common(webhooks.command("rotate-secret <id>"))
    .description("give a webhook another secret, and print it; the old one stays good for a day")
    .option("--secret <secret>", "the new one (default: one is made); - reads it from standard input")
    .option("--secret-kind <kind>", "of which kind one is made: hmac or ed25519 (default: hmac)")
    .option(
      "--overlap <duration>",
      "how long the old one stays good: 0 to 7d (default: 24h)",
      argument(parseDuration),
    )
    .action(async (id, options) => (await import("./verbs/webhook.ts")).rotateSecret(id, options))
  common(webhooks.command("remove <id>"))
    .description("end a webhook for good, and cancel what waits for it")
    .action(async (id, options) => (await import("./verbs/webhook.ts")).remove(id, options))
}

function addLooks(webhooks: Command): void {
  common(webhooks.command("list"))
    .description("list webhooks")
    .action(async (options) => (await import("./verbs/webhook.ts")).list(options))
  common(webhooks.command("get <id>"))
    .description("show a webhook")
    .action(async (id, options) => (await import("./verbs/webhook.ts")).get(id, options))
  common(webhooks.command("health <id>"))
    .description("tell how its endpoint did lately")
    .action(async (id, options) => (await import("./verbs/webhook.ts")).health(id, options))
  common(webhooks.command("test <id>"))
    .description("send once, now, marked as a test; ends with 1 when it did not arrive")
    .option("--event <name>", "as this event (default: the first that it hears)")
    .option("--data <json>", "the event's data; - reads it from standard input")
    .action(async (id, options) => (await import("./verbs/webhook.ts")).test(id, options))
}

function addStates(webhooks: Command): void {
  const states = {
    pause: "let what it hears wait, in every process",
    resume: "end a pause",
    enable: "send again, also what came while it was disabled",
  } as const
  for (const verb of ["pause", "resume", "enable"] as const)
    common(webhooks.command(`${verb} <id>`))
      .description(states[verb])
      .action(async (id, options) => (await import("./verbs/webhook.ts")).steer(verb, id, options))
  common(webhooks.command("disable <id>"))
    .description("send nothing more; what it hears waits until it is enabled")
    .option("--detail <text>", "why, for people")
    .action(async (id, options) => (await import("./verbs/webhook.ts")).disable(id, options))
}

function terms(command: Command): Command {
  return command
    .option("--event <name>", "an event name or wildcard; several, or with commas", collect)
    .option("--notifier <key>", "how it is delivered: http, eventbridge, sqs … (default: http)")
    .option("--form <form>", "standard, cloudevents, cloudevents-binary or legacy (default: standard)")
    .option("--scope <scope>", "only events of this account/workspace; all = of every one")
    .option("--store <number>", "only events of this store of a shop; 0 = of every one", Number)
    .option("--filter <json>", "only events that match this event pattern")
    .option("--sender <sender>", "only events of this sender")
    .option("--field <path>", "send this of the data: id, customer.email; several, or with commas", collect)
    .option("--header <line>", "sent with each request: 'x-shop: 1001'; again for several", several)
    .option(
      "--option <name=value>",
      "what the notifier needs beside: region=eu-central-1; again for several",
      several,
    )
    .option("--credential <name=value>", "what of that is secret; again for several", several)
    .option("--policy <policy>", "multi-day (default), magento, or a policy as JSON")
    .option("--description <text>", "for people")
    .option(
      "--file <path>",
      "all of it as JSON, in the words of the API; - reads it from standard input, which others cannot see",
    )
}

function several(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}

function parseStart(text: string): Date | "now" | "beginning" {
  return text === "now" || text === "beginning" ? text : parseTime(text)
}
