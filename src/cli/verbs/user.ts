import { text } from "node:stream/consumers"
import type { User } from "../../identity/users.ts"
import { note, print, printJson, printTable, UsageError } from "../output.ts"
import { type StoreFlags, withStore } from "../store.ts"

export interface UserFlags extends StoreFlags {
  readonly password?: string
}

export async function create(email: string, flags: UserFlags): Promise<void> {
  const password = await passwordFrom(flags)
  await withStore(
    flags,
    async ({ users }) => show(await users.create({ email, password }), "may log in now", flags),
    { create: true },
  )
}

export async function setPassword(email: string, flags: UserFlags): Promise<void> {
  const password = await passwordFrom(flags)
  await withStore(flags, async ({ users }) =>
    show(await users.setPassword({ email, password }), "has this password from now on", flags),
  )
}

export async function list(flags: StoreFlags): Promise<void> {
  await withStore(flags, async ({ users }) => {
    const all = await users.list()
    if (flags.json) return printJson(all)
    printTable(
      ["E-MAIL", "ID", "SINCE"],
      all.map(({ email, id, createdAt }) => [email, id, createdAt]),
    )
  })
}

export async function remove(email: string, flags: StoreFlags): Promise<void> {
  await withStore(flags, async ({ users }) => show(await users.remove(email), "is removed", flags))
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
