import { readFileSync } from "node:fs"
import { text } from "node:stream/consumers"
import type { NewWebhook, WebhookChange } from "../webhooks/shapes.ts"
import { UsageError } from "./output.ts"
import { patternOf } from "./pattern.ts"

/** What can be said of a webhook, one by one or in a file. */
export interface TermFlags {
  readonly recipient?: string
  readonly event?: readonly string[]
  readonly notifier?: string
  readonly form?: string
  readonly scope?: string
  readonly store?: number
  readonly filter?: string
  readonly sender?: string
  readonly field?: readonly string[]
  readonly header?: readonly string[]
  readonly option?: readonly string[]
  readonly credential?: readonly string[]
  readonly policy?: string
  readonly description?: string
  readonly file?: string
}

/** What the flags say, over what the file says. Whether it can be is found out where it is made. */
export async function wishOf(flags: TermFlags): Promise<WebhookChange> {
  const { recipient, event, notifier, form, scope, store, sender, field, description } = flags
  const said = {
    recipient,
    events: event,
    notifier,
    form,
    scope: scope === "all" ? null : scope,
    storeId: store,
    filter: patternOf(flags.filter),
    sender,
    fields: field,
    headers: pairsOf("--header", flags.header, ":"),
    options: pairsOf("--option", flags.option, "="),
    credentials: pairsOf("--credential", flags.credential, "="),
    policy: policyOf(flags.policy),
    description,
  }
  const given = Object.entries(said).filter(([, value]) => value !== undefined)
  return { ...(await fileOf(flags.file)), ...Object.fromEntries(given) }
}

/** The same, of one that is to be made. */
export async function newWishOf(flags: TermFlags): Promise<NewWebhook> {
  const wish = await wishOf(flags)
  if (wish.recipient === undefined || wish.events === undefined)
    throw new UsageError("Expected a recipient and --event, or --file: say what is to be sent where.")
  return wish as NewWebhook
}

/** A secret stands in the list of processes unless it comes another way. */
export async function secretOf(secret: string | undefined): Promise<string | undefined> {
  return secret === "-" ? (await text(process.stdin)).replace(/\r?\n$/, "") : secret
}

export async function dataOf(data: string | undefined): Promise<unknown> {
  if (data === undefined) return undefined
  return jsonOf("--data", data === "-" ? await text(process.stdin) : data)
}

async function fileOf(file: string | undefined): Promise<object> {
  if (file === undefined) return {}
  const wish = jsonOf("--file", file === "-" ? await text(process.stdin) : read(file))
  if (typeof wish === "object" && wish !== null && !Array.isArray(wish)) return wish
  throw new UsageError("Expected --file to be a JSON object.")
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8")
  } catch (error) {
    throw new UsageError(`Expected --file to name a readable file, got: ${(error as Error).message}`)
  }
}

/** What came may be a secret, and is not repeated. */
function jsonOf(flag: string, json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    throw new UsageError(`Expected ${flag} to be JSON.`)
  }
}

function policyOf(policy: string | undefined): WebhookChange["policy"] {
  if (policy === undefined || !policy.trimStart().startsWith("{")) return policy as WebhookChange["policy"]
  return jsonOf("--policy", policy) as WebhookChange["policy"]
}

function pairsOf(
  flag: string,
  pairs: readonly string[] | undefined,
  sign: string,
): Record<string, string> | undefined {
  if (pairs === undefined) return undefined
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf(sign)
      if (at < 1) throw new UsageError(`Expected ${flag} to be a name, \`${sign}\` and a value.`)
      return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()]
    }),
  )
}
