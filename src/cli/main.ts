#!/usr/bin/env node
import { Command, InvalidArgumentError } from "commander"
import { tooOld } from "./node-version.ts"
import { parseDuration, parseTime } from "./time.ts"

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
  addUsers(program)
  addApp(program)
  return program
}

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
  list(program.command("events"))
    .description("list events, newest first")
    .option("--name <name>", "only of this name")
    .option("--scope <scope>", "only of this account/workspace")
    .option("--since <time>", "from then on: 2h, 7d, or an ISO date", argument(parseTime))
    .option("--until <time>", "before then", argument(parseTime))
    .action(async (options) => (await import("./verbs/events.ts")).events(options))
  common(program.command("names"))
    .description("list the names of all events seen, with a sample and who listens")
    .action(async (options) => (await import("./verbs/names.ts")).names(options))
  common(program.command("trace <id>"))
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
  const runs = list(program.command("runs"))
    .description("list runs of workflows, newest first")
    .option("--workflow <id>", "only of this workflow")
    .option("--state <state>", "invoking, compensating, done, reverted or failed")
    .option("--transaction <id>", "only of this transaction id")
    .option("--parent <run>", "only runs that are steps of this one")
    .option("--since <time>", "started from then on: 2h, 7d, or an ISO date", argument(parseTime))
    .option("--until <time>", "started before then", argument(parseTime))
    .action(async (options) => (await import("./verbs/runs.ts")).runs(options))
  common(runs.command("show <id>"))
    .description("show a run with every attempt of its steps")
    .action(async (id, _, command: Command) =>
      (await import("./verbs/runs.ts")).showRun(id, command.optsWithGlobals()),
    )
  common(runs.command("cancel <id>"))
    .description("have a run undone, also one that is done")
    .action(async (id, _, command: Command) =>
      (await import("./verbs/runs.ts")).cancelRun(id, command.optsWithGlobals()),
    )
  common(runs.command("retry <id> <step>"))
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
  common(program.command("workers"))
    .description("list workers and what they handle")
    .action(async (options) => (await import("./verbs/workers.ts")).workers(options))
  common(program.command("stats"))
    .description("count what is kept and what is open")
    .action(async (options) => (await import("./verbs/stats.ts")).stats(options))
  common(program.command("tail"))
    .description("follow new events and what becomes of them; with --json a line for each")
    .option("--name <pattern>", "only of this name, or of names with *")
    .option("--since <time>", "begin with events from then on: 10m, 2h, or an ISO date", argument(parseTime))
    .action(async (options) => (await import("./verbs/tail.ts")).tail(options))
}

function addSteering(program: Command): void {
  selection(program.command("redrive [ids...]"))
    .description("send dead letters again: by delivery or event id, by subscription, by name, or all")
    .action(async (ids, options) => (await import("./verbs/redrive.ts")).redrive(ids, options))
  selection(program.command("cancel [ids...]"))
    .description("cancel deliveries that wait; by id also dead letters")
    .action(async (ids, options) => (await import("./verbs/cancel.ts")).cancel(ids, options))
  common(program.command("replay"))
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

function addUsers(program: Command): void {
  const users = program.command("user").description("who may log in to an app on this database")
  for (const [verb, what] of [
    ["create", "let somebody log in"],
    ["password", "give a user another password; tokens that they have end"],
  ] as const) {
    common(users.command(`${verb} <email>`))
      .description(what)
      .option("--password <password>", "8 to 256 characters (default: asked for, or read from stdin)")
      .action(async (email, options) => {
        const { create, setPassword } = await import("./verbs/user.ts")
        return verb === "create" ? create(email, options) : setPassword(email, options)
      })
  }
  common(users.command("list"))
    .description("list users")
    .action(async (options) => (await import("./verbs/user.ts")).list(options))
  common(users.command("remove <email>"))
    .description("remove a user; tokens that they have end")
    .action(async (email, options) => (await import("./verbs/user.ts")).remove(email, options))
}

function addApp(program: Command): void {
  for (const mode of ["dev", "start"] as const) {
    program
      .command(`${mode} [dir]`)
      .description(mode === "dev" ? "run an app, and reload it on change" : "run an app")
      .option("--database <url>", DATABASE)
      .option("--once", "end when nothing is left to do")
      .action(async (dir, options) => (await import("./verbs/app.ts")).app(mode, dir ?? ".", options))
  }
}

const DATABASE =
  "file:./shop.db or postgres://host/db?schema=carillon (default: CARILLON_DATABASE, else file:.carillon/carillon.db)"

function common(command: Command): Command {
  return command
    .option("--database <url>", DATABASE)
    .option("--group <name>", "whose subscriptions are meant (default: the nearest package's name)")
    .option("--json", "print JSON")
}

function list(command: Command): Command {
  return common(command)
    .option("--limit <count>", "at most so many (default: 50)", argument(parseCount))
    .option("--cursor <cursor>", "go on where a list ended")
}

function deliveryList(command: Command): Command {
  return list(command)
    .option("--subscription <name>", "only of this subscription")
    .option("--name <name>", "only of events of this name")
    .option("--since <time>", "made from then on: 2h, 7d, or an ISO date", argument(parseTime))
    .option("--until <time>", "made before then", argument(parseTime))
}

function selection(command: Command): Command {
  return common(command)
    .option("--subscription <name>", "all of this subscription")
    .option("--name <name>", "all of events of this name")
    .option("--all", "all there are")
    .option("--dry-run", "only count")
}

/** What a parser refuses is a usage error, said in commander's form. */
function argument<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text)
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message)
    }
  }
}

function parseCount(text: string): number {
  const count = Number(text)
  if (Number.isSafeInteger(count) && count >= 1 && count <= 1_000) return count
  throw new Error("Expected a whole number from 1 to 1000.")
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
