import type { Command } from "commander"
import { argument, collect, common, list } from "./command.ts"
import { parseDuration, parseTime } from "./time.ts"

/** The verbs about who may do what. */
export function addIdentity(program: Command): void {
  addUsers(program)
  addTokens(program)
  addApplications(program)
  addRoles(program)
  addAudit(program)
  addSecrets(program)
}

function addUsers(program: Command): void {
  const users = program
    .command("user")
    .description("who may log in, to an app on this database and to the API")
  withPassword(granted(common(users.command("create <email>"))))
    .description("let somebody log in (default: as admin, in all scopes)")
    .action(async (email, options) => (await import("./verbs/user.ts")).create(email, options))
  granted(common(users.command("update <user>")))
    .description("give a user, by e-mail address or id, other roles or scopes")
    .action(async (user, options) => (await import("./verbs/user.ts")).update(user, options))
  withPassword(common(users.command("password <email>")))
    .description("give a user another password; their log-ins end")
    .action(async (email, options) => (await import("./verbs/user.ts")).setPassword(email, options))
  common(users.command("list"))
    .description("list users")
    .action(async (options) => (await import("./verbs/user.ts")).list(options))
  common(users.command("remove <user>"))
    .description("remove a user, by e-mail address or id; their log-ins end")
    .action(async (user, options) => (await import("./verbs/user.ts")).remove(user, options))
}

function addTokens(program: Command): void {
  const tokens = program.command("token").description("how programs say who they are")
  permitted(granted(common(tokens.command("create <name>"))))
    .description("make a token, and print it: it is shown this once")
    .option("--expires <duration>", "30d, 12h, or never (default: 90d)", argument(parseLifetime))
    .action(async (name, options) => (await import("./verbs/token.ts")).create(name, options))
  common(tokens.command("list"))
    .description("list tokens, ended ones among them")
    .action(async (options) => (await import("./verbs/token.ts")).list(options))
  common(tokens.command("revoke <token>"))
    .description("end a token, by its id or its prefix; every process heeds that within five seconds")
    .action(async (token, options) => (await import("./verbs/token.ts")).revoke(token, options))
}

function addApplications(program: Command): void {
  const applications = program
    .command("application")
    .description("programs with a client id, and keys to sign requests with")
  hosted(permitted(granted(common(applications.command("create <name>")))))
    .description("make an application, and print its host, client id and keys: they are shown this once")
    .action(async (name, options) => (await import("./verbs/application.ts")).create(name, options))
  common(applications.command("list"))
    .description("list applications")
    .action(async (options) => (await import("./verbs/application.ts")).list(options))
  hosted(common(applications.command("rotate <client-id>")))
    .description("give an application new secrets; the old ones end")
    .action(async (id, options) => (await import("./verbs/application.ts")).rotate(id, options))
  common(applications.command("remove <client-id>"))
    .description("remove an application; its keys end")
    .action(async (id, options) => (await import("./verbs/application.ts")).remove(id, options))
}

function addRoles(program: Command): void {
  const roles = program.command("role").description("names for permissions that belong together")
  common(roles.command("list"))
    .description("list roles, those that come with Carillon first")
    .action(async (options) => (await import("./verbs/role.ts")).list(options))
  for (const verb of ["create", "update"] as const)
    common(roles.command(`${verb} <name>`))
      .description(verb === "create" ? "make a role" : "change what whoever has the role may do")
      .option("--permission <name>", "what it allows: VIEW_EVENTS …; several, or with commas", collect)
      .option(
        "--resource <name>",
        "what definitions of events ask for beside; several, or with commas",
        collect,
      )
      .option("--description <text>", "for people")
      .action(async (name, options) => (await import("./verbs/role.ts"))[verb](name, options))
  common(roles.command("remove <name>"))
    .description("remove a role that nobody has")
    .action(async (name, options) => (await import("./verbs/role.ts")).remove(name, options))
}

function addAudit(program: Command): void {
  list(program.command("audit"))
    .description("list who changed, sent again or replayed what, newest first")
    .option("--actor <who>", "only of this one: an id, an e-mail address, a token's name")
    .option("--action <action>", "only this: delivery.redrive, token.*")
    .option("--since <time>", "from then on: 2h, 7d, or an ISO date", argument(parseTime))
    .option("--until <time>", "before then", argument(parseTime))
    .action(async (options) => (await import("./verbs/audit.ts")).audit(options))
}

function addSecrets(program: Command): void {
  const secrets = program.command("secret").description("the keys that secrets at rest are sealed with")
  common(secrets.command("check"))
    .description("tell under which keys secrets are; ends with 1 when some cannot be read")
    .action(async (options) => (await import("./verbs/secret.ts")).check(options))
  common(secrets.command("reencrypt"))
    .description("seal all secrets anew with the first secret of CARILLON_SECRET")
    .action(async (options) => (await import("./verbs/secret.ts")).reencrypt(options))
}

function withPassword(command: Command): Command {
  return command.option(
    "--password <password>",
    "8 to 256 characters (default: asked for, or read from stdin)",
  )
}

function granted(command: Command): Command {
  return command
    .option(
      "--role <name>",
      "admin, operator, developer, viewer, emitter, or one of your own; several",
      collect,
    )
    .option("--scope <scope>", "only in this account/workspace, or all; several (default: all)", collect)
}

function permitted(command: Command): Command {
  return command.option("--permission <name>", "beside those of the roles: CREATE_EVENTS …; several", collect)
}

function hosted(command: Command): Command {
  return command.option("--host <url>", "where the server is (default: by HOST and PORT)")
}

function parseLifetime(text: string): Date | "never" {
  return text === "never" ? text : new Date(Date.now() + parseDuration(text))
}
