import { text } from "node:stream/consumers"
import type { User } from "../../identity/users.ts"
import { audited, commandLine } from "../audited.ts"
import { type GrantFlags, grantOf, scopeNames } from "../grant.ts"
import { note, print, printJson, printTable, UsageError } from "../output.ts"
import { type StoreFlags, withStore } from "../store.ts"

interface UserFlags extends StoreFlags, GrantFlags {
  readonly password?: string
}

export async function create(email: string, flags: UserFlags): Promise<void> {
  const password = await passwordFrom(flags)
  await withStore(
    flags,
    async (carillon) => {
      const { roles, scopes } = grantOf(flags)
      const act = { action: "user.create", target: email, details: { roles } }
      const user = await audited(carillon, act, () =>
        carillon.users.create({ email, password, roles, scopes }, commandLine()),
      )
      show(user, `may log in now, as ${user.roles.join(", ")}, in scopes: ${scopeNames(user.scopes)}`, flags)
    },
    { create: true },
  )
}

export async function update(user: string, flags: UserFlags): Promise<void> {
  const { roles, scopes } = grantOf(flags)
  if (roles === undefined && scopes === undefined)
    throw new UsageError("Expected --role or --scope: say what is to change.")
  await withStore(flags, async (carillon) => {
    const act = { action: "user.update", target: user, details: { roles } }
    const changed = await audited(carillon, act, () => carillon.users.update({ user, roles, scopes }))
    show(changed, `is ${changed.roles.join(", ")} now, in scopes: ${scopeNames(changed.scopes)}`, flags)
  })
}

export async function setPassword(email: string, flags: UserFlags): Promise<void> {
  const password = await passwordFrom(flags)
  await withStore(flags, async (carillon) => {
    const act = { action: "user.set-password", target: email }
    const user = await audited(carillon, act, () => carillon.users.setPassword({ email, password }))
    show(user, "has this password from now on", flags)
  })
}

export async function list(flags: StoreFlags): Promise<void> {
  await withStore(flags, async ({ users }) => {
    const all = await users.list()
    if (flags.json) return printJson(all)
    printTable(
      ["E-MAIL", "ROLES", "SCOPES", "ID", "SINCE"],
      all.map(({ email, roles, scopes, id, createdAt }) => [
        email,
        roles.join(", "),
        scopeNames(scopes),
        id,
        createdAt,
      ]),
    )
  })
}

/** Tokens are of programs, which go on: whoever removes a user is told of those that they made. */
export async function remove(name: string, flags: StoreFlags): Promise<void> {
  await withStore(flags, async (carillon) => {
    const { users, identity } = carillon
    const act = { action: "user.remove", target: name }
    const user = await audited(carillon, act, () => users.remove(name))
    show(user, "is removed", flags)
    const theirs = (await identity.tokens.list()).filter(
      ({ state, createdBy }) => state === "live" && createdBy.id === user.id,
    )
    for (const { name, id } of theirs)
      note(
        `The token ${name} (${id}), which they made, is still good. End it with: carillon token revoke ${id}`,
      )
  })
}

function show(user: User, what: string, { json }: StoreFlags): void {
  if (json) printJson(user)
  else print(`${user.email} (${user.id}) ${what}`)
}

/** From the flag, which others on the machine may see; else typed unseen; else from a pipe. */
async function passwordFrom({ password }: UserFlags): Promise<string> {
  if (password !== undefined) return password
  const given = process.stdin.isTTY
    ? await typed("Password: ")
    : (await text(process.stdin)).replace(/\r?\n$/, "")
  if (given === "")
    throw new UsageError("Expected a password: type it, pipe it in, or hand it over with --password.")
  return given
}

/** Reads a line that nobody sees. */
function typed(question: string): Promise<string> {
  const { stdin } = process
  note(question)
  stdin.setRawMode(true).setEncoding("utf8").resume()
  return new Promise((done) => {
    let line = ""
    const read = (chunk: string): void => {
      for (const char of chunk) {
        if (char === "\u0003") process.exit(130) // Ctrl-C is only a letter in this mode
        if (char === "\r" || char === "\n") {
          stdin.off("data", read).setRawMode(false).pause()
          done(line)
          return
        }
        line = char === "\u007f" || char === "\b" ? line.slice(0, -1) : line + char
      }
    }
    stdin.on("data", read)
  })
}
