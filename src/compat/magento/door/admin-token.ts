import type { ShopAsked, ShopRoute } from "./asked.ts"
import { required, ShopRefusal } from "./refusals.ts"
import { isRecord } from "./spelling.ts"
import { textOf } from "./values.ts"

/** So long is a shop's good for. */
const LIFETIME_MS = 4 * 60 * 60 * 1_000

/** A token for the name and the password of a user; their name is their e-mail address. */
export const adminTokenRoute: ShopRoute = {
  method: "POST",
  path: ["integration", "admin", "token"],
  act: null,
  audit: null,
  takesBody: true,
  handle: logIn,
}

async function logIn({ carillon, body, address }: ShopAsked): Promise<string> {
  const given = isRecord(body) ? body : {}
  const [email, password] = [textIn(given, "username"), textIn(given, "password")]
  const { logIns } = carillon.identity
  const token = await logIns.tokenFor({ email, password, address, lifetimeMs: LIFETIME_MS })
  if (token !== null) return token
  throw new ShopRefusal(
    401,
    "The account sign-in was incorrect or your account is disabled temporarily. Please wait and try again later.",
    [],
  )
}

function textIn(given: Readonly<Record<string, unknown>>, name: string): string {
  const text = textOf(given[name] ?? undefined)
  if (text === undefined || text === "") throw required(name)
  return text
}
