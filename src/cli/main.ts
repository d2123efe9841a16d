#!/usr/bin/env node
import { Command } from "commander"
import { argument, collect, common, DATABASE, list, scoped } from "./command.ts"
import { addIdentity } from "./identity.ts"
import { addMagento } from "./magento.ts"
import { tooOld } from "./node-version.ts"
import { parseDuration, parseTime } from "./time.ts"
import { addWebhooks } from "./webhook.ts"

/** Every verb with its words; what it does is loaded only when it is asked for. */
function build(): Command {
  const program = new Command("carillon")
    .description("Durable events: emit them, see what became of them, steer what waits.")
    .configureHelp({ showGlobalOptions: true })
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  // A verb copies these settings, so they come first.
  addEmit(program)
  addLists(program)
  addSteering(program)
  addStore(program)
  addWebhooks(program)
  addIdentity(program)
  addApp(program)
  addMagento(program)
  return program
}

const FILTER = "only of events that match this event pattern; it needs --name and --since"

function addEmit(program: Command): void {
  common(program.command("emit <name> [json]"))
    .description("emit an event, and print under which id it is kept")
    .option("--id <id>", "an id of your own: the same event again is one event")
    .option("--key <key>", "events of one key go in order, where a subscription asks for it")
    .option("--sender <sender>", "who emits it")
    .option("--scope <scope>", "account/workspace")
    .option("--delay <duration>", "deliver it later: 500ms, 30s, 5m, 2h, 1d", argument(parseDuration))
    .option("--metadata <json>", "an object handed on to handlers")
    .option("--file <path>", "read the data, as JSON, from a file; - reads standard input")
    .action(async (name, json, options) => (await import("./verbs/emit.ts")).emit(name, json, options))
}

function addLists(program: Command): void {
  scoped(list(program.command("events")))
    .description("list events, newest first")
    .option("--name <name>", "only of this name")
    .option("--filter <json>", FILTER)
    .option("--since <time>", "from then on: 2h, 7d, or an ISO date", argument(parseTime))
    .option("--until <time>", "before then", argument(parseTime))
    .action(async (options) => (await import("./verbs/events.ts")).events(options))
  scoped(common(program.command("names")))
    .description("list the names of all events seen, with a sample and who listens")
    .action(async (options) => (await import("./verbs/names.ts")).names(options))
  scoped(common(program.command("trace <id>")))
    .description("tell what became of an event, a delivery or a run, and why others were not called")
    .action(async (id, options) => (await import("./verbs/trace.ts")).trace(id, options))
  deliveryList(program.command("deliveries"))
    .description("list deliveries")
    .option("--state <state>", "delivered, running, waiting, retry, dead or cancelled")
    .action(async (options) => (await import("./verbs/deliveries.ts")).deliveries(options))
  deliveryList(program.command("dead"))
    .description("list dead letters: deliveries without attempts left")
    .action(async (options) => (await import("./verbs/deliveries.ts")).dead(options))
  const subscriptions = common(program.command("subscriptions"))
    .description(
      "list subscriptions to events: what they listen to, how far behind they are, who works for them",
    )
    .action(async (options) => (await import("./verbs/subscriptions.ts")).subscriptions(options))
  common(subscriptions.command("remove <id>"))
    .description(
      "end a subscription, a schedule, or a workflow without live runs, and cancel what waits for it",
    )
    // The parent has these options too, and takes what stands after its verb.
    .action(async (id, _, command: Command) =>
      (await import("./verbs/subscriptions.ts")).remove(id, command.optsWithGlobals()),
    )
  const runs = scoped(list(program.command("runs")))
    .description("list runs of workflows, newest first")
    .option("--workflow <id>", "only of this workflow")
    .option("--state <state>", "invoking, compensating, done, reverted or failed")
    .option("--transaction <id>", "only of this transaction id")
    .option("--parent <run>", "only runs that are steps of this one")
    .option("--since <time>", "started from then on: 2h, 7d, or an ISO date", argument(parseTime))
    .option("--until <time>", "started before then", argument(parseTime))
    .action(async (options) => (await import("./verbs/runs.ts")).runs(options))
  scoped(common(runs.command("show <id>")))
    .description("show a run with every attempt of its steps")
    .action(async (id, _, command: Command) =>
      (await import("./verbs/runs.ts")).showRun(id, command.optsWithGlobals()),
    )
  scoped(common(runs.command("cancel <id>")))
    .description("have a run undone, also one that is done")
    .action(async (id, _, command: Command) =>
      (await import("./verbs/runs.ts")).cancelRun(id, command.optsWithGlobals()),
    )
  scoped(common(runs.command("retry <id> <step>")))
    .description("give a step one more attempt: one that waits, or one that could not be undone")
    .action(async (id, step, _, command: Command) =>
      (await import("./verbs/runs.ts")).retryStep(id, step, command.optsWithGlobals()),
    )
  common(program.command("workflows"))
    .description("list workflows in all their shapes: how their runs do, who knows them")
    .action(async (options) => (await import("./verbs/workflows.ts")).workflows(options))
  common(program.command("schedules"))
    .description("list schedules: their next ticks, and what became of the last")
    .action(async (options) => (await import("./verbs/schedules.ts")).schedules(options))
  common(program.command("scope").description("where events lie").command("list"))
    .description("list the scopes that something is kept of")
    .action(async (options) => (await import("./verbs/scope.ts")).list(options))
  common(program.command("workers"))
    .description("list workers and what they handle")
    .action(async (options) => (await import("./verbs/workers.ts")).workers(options))
  common(program.command("stats"))
    .description("count what is kept and what is open")
    .action(async (options) => (await import("./verbs/stats.ts")).stats(options))
  scoped(common(program.command("tail")))
    .description("follow new events and what becomes of them; with --json a line for each")
    .option("--name <pattern>", "only of this name, or of names with *")
    .option("--since <time>", "begin with events from then on: 10m, 2h, or an ISO date", argument(parseTime))
    .action(async (options) => (await import("./verbs/tail.ts")).tail(options))
}

function addSteering(program: Command): void {
  selection(program.command("redrive [ids...]"))
    .description("send dead letters again: by delivery or event id, by subscription, by name, or all")
    .option("--retrying", "also what failed and waits for its next attempt")
    .action(async (ids, options) => (await import("./verbs/redrive.ts")).redrive(ids, options))
  selection(program.command("cancel [ids...]"))
    .description("cancel deliveries that wait; by id also dead letters")
    .action(async (ids, options) => (await import("./verbs/cancel.ts")).cancel(ids, options))
  scoped(common(program.command("replay")))
    .description("deliver past events to a subscription, for the first time or once more")
    .requiredOption("--subscription <name>", "which: sync-cms@brand.created, or sync-cms where that is one")
    .option("--since <time>", "events from then on: 2h, 7d, or an ISO date", argument(parseTime))
    .option("--until <time>", "events before then", argument(parseTime))
    .option("--event <id>", "only this event")
    .option("--missing-only", "leave out what the subscription was sent when it was emitted")
    .option("--dry-run", "only count")
    .option("--wait", "wait until a worker has made the deliveries")
    .action(async (options) => (await import("./verbs/replay.ts")).replay(options))
  common(program.command("pause <name>"))
    .description(
      "let what is emitted for a subscription wait, in every process; or runs of a workflow, or a schedule",
    )
    .action(async (name, options) => (await import("./verbs/pause.ts")).pause(name, options))
  common(program.command("resume <name>"))
    .description("end a pause")
    .action(async (name, options) => (await import("./verbs/pause.ts")).resume(name, options))
}

function addStore(program: Command): void {
  common(program.command("prune"))
    .description("delete what is past retention, in small slices")
    .option("--before <time>", "events from before then (default: 30d)", argument(parseTime))
    .option("--dead-before <time>", "dead letters from before then (default: 90d)", argument(parseTime))
    .option("--dry-run", "only count")
    .action(async (options) => (await import("./verbs/prune.ts")).prune(options))
  common(program.command("erase"))
    .description(
      "take one person's data out of events, deliveries and runs; what is open is left and counted",
    )
    .requiredOption("--where <pattern>", "whose: an event pattern as JSON; - reads it from standard input")
    .option("--scope <scope>", "only in this account/workspace; again for several", collect)
    .option("--since <time>", "events from then on: 2h, 7d, or an ISO date", argument(parseTime))
    .option("--until <time>", "events before then", argument(parseTime))
    .option("--include-open", "cancel deliveries that wait, and clear staged events, first")
    .option("--rewrite", "write a SQLite file anew, however large, so that no bytes remain in it")
    .option("--dry-run", "only count")
    .option("--yes", "do it")
    .action(async (options) => (await import("./verbs/erase.ts")).erase(options))
  common(program.command("doctor"))
    .description("tell how the store and those who work on it do, and what to do; ends with 1 on a problem")
    .action(async (options) => (await import("./verbs/doctor.ts")).doctor(options))
  common(program.command("migrate"))
    .description("make the store, or bring it to this version's schema")
    .option("--check", "only look: ends with 1 when the store is behind")
    .action(async (options) => (await import("./verbs/migrate.ts")).migrate(options))
  program
    .command("copy")
    .description("move a store from a file to PostgreSQL, with all that is open; again, it goes on")
    .option("--from <file>", "file:./shop.db (default: CARILLON_DATABASE, else file:.carillon/carillon.db)")
    .requiredOption("--to <url>", "postgres://…: a new or empty schema, or this copy where it stopped")
    .option("--schema <name>", "the schema for Carillon's tables (default: carillon)")
    .option("--json", "print JSON")
    .action(async (options) => (await import("./verbs/copy.ts")).copy(options))
}

function addApp(program: Command): void {
  program
    .command("serve")
    .description("answer with the API alone: it emits and tells, and apps on the same database handle")
    .option("--database <url>", DATABASE)
    .option("--group <name>", "whose subscriptions are meant (default: the nearest package's name)")
    .option("--host <host>", "where to listen (default: HOST, else localhost)")
    .option("--port <port>", "0 is any free one (default: PORT, else 9000)", Number)
    .option("--proxies <count>", "how many proxies of yours stand before it (default: 0)", Number)
    .option("--cors <origin>", "whose pages may call it from a browser; again for several", collect)
    .action(async (options) => (await import("./verbs/serve.ts")).serve(options))
  for (const mode of ["dev", "start"] as const) {
    program
      .command(`${mode} [dir]`)
      .description(mode === "dev" ? "run an app, and reload it on change" : "run an app")
      .option("--database <url>", DATABASE)
      .option("--once", "end when nothing is left to do")
      .action(async (dir, options) => (await import("./verbs/app.ts")).app(mode, dir ?? ".", options))
  }
}

function deliveryList(command: Command): Command {
  return scoped(list(command))
    .option("--subscription <name>", "only of this subscription")
    .option("--name <name>", "only of events of this name")
    .option("--filter <json>", FILTER)
    .option("--since <time>", "made from then on: 2h, 7d, or an ISO date", argument(parseTime))
    .option("--until <time>", "made before then", argument(parseTime))
}

function selection(command: Command): Command {
  return scoped(common(command))
    .option("--subscription <name>", "all of this subscription")
    .option("--name <name>", "all of events of this name")
    .option("--all", "all there are")
    .option("--dry-run", "only count")
}

/** `| head` closes our output early: that is its right, and no failure. */
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1))

const refusal = tooOld(process.versions.node)
if (refusal !== null) {
  process.stderr.write(`error: ${refusal}\n`)
  process.exit(1)
}
try {
  await build().parseAsync()
} catch (error) {
  const { fail } = await import("./output.ts")
  fail(error)
}
