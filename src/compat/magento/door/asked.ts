import type { Carillon } from "../../../carillon.ts"
import type { Access } from "../../../identity/access.ts"
import type { ShopAct } from "./acl.ts"

/** A request as a route of the door gets it: by somebody who may, and read. */
export interface ShopAsked {
  readonly carillon: Carillon
  readonly access: Access
  /** What stands in the path where the route has a place. */
  readonly named: string
  readonly query: Readonly<Record<string, unknown>>
  readonly body: unknown // undefined = there is none
  /** Where it came from. */
  readonly address: string
  /** Goes into the audit entry of this request. Nothing of a payload. */
  readonly note: (details: Readonly<Record<string, unknown>>) => void
}

/** A way in: what is asked, by whom, and what answers it. */
export interface ShopRoute {
  readonly method: "GET" | "POST" | "PUT" | "DELETE"
  /** After `V1`; `*` is a place for a name. */
  readonly path: readonly string[]
  /** null = strangers may ask it. */
  readonly act: ShopAct | null
  /** What the audit log calls it; null = it changes nothing. */
  readonly audit: string | null
  readonly takesBody: boolean
  readonly handle: (asked: ShopAsked) => Promise<unknown>
}
