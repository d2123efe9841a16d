import { text } from "node:stream/consumers"
import type { CarillonClient } from "../client/client.ts"
import { createClient } from "../client/create-client.ts"
import { note, UsageError } from "./output.ts"
import type { ServerFlags } from "./server.ts"

/** Whoever redrives or erases much waits for it; who does not want to presses Ctrl-C. */
const PATIENCE_MS = 10 * 60 * 1_000

export async function clientOf(url: string, flags: ServerFlags): Promise<CarillonClient> {
  return createClient({ url, token: await tokenOf(flags), timeoutMs: PATIENCE_MS })
}

/** `-` and the environment keep it from the list of processes, which everybody on the machine may read. */
async function tokenOf({ token }: ServerFlags): Promise<string | undefined> {
  if (token === undefined) return process.env.CARILLON_TOKEN || undefined
  if (token === "-") return read()
  note("warning: others on this machine can see a --token. Use CARILLON_TOKEN, or --token - to pipe it in.")
  return token
}

async function read(): Promise<string> {
  const token = (await text(process.stdin)).trim()
  if (token === "") throw new UsageError("Expected a token on standard input, got nothing.")
  return token
}
