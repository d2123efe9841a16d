import { isOurFault } from "../http/line.ts"
import { SendError, sendErrorOf } from "../http/send-error.ts"

/** Why nothing came back, in words that name no address: where a name leads inside a network is nobody's business. */
export interface NetworkFailure {
  readonly code: string
  readonly message: string
  readonly fault: "recipient" | "sender"
}

/** null = it is another kind of error. */
export async function networkFailureOf(error: unknown): Promise<NetworkFailure | null> {
  if (error instanceof SendError) return { code: "Unreachable", message: error.message, fault: error.fault }
  const code = systemCodeOf(error)
  if (code === null) return null
  const { message } = sendErrorOf(error, MAYBE_SENT.includes(code))
  return { code, message, fault: (await isOurFault(error)) ? "sender" : "recipient" }
}

const MAYBE_SENT = ["ECONNRESET", "EPIPE"]

/** A refused connection may stand for several addresses, each with an error of its own. */
function systemCodeOf(error: unknown): string | null {
  if (typeof error !== "object" || error === null) return null
  const { code, errors } = error as { readonly code?: unknown; readonly errors?: unknown }
  if (typeof code === "string" && SYSTEM.test(code)) return code
  const [first] = Array.isArray(errors) ? errors : []
  return first === undefined ? null : systemCodeOf(first)
}

const SYSTEM =
  /^(?:E[A-Z]+|HPE_\w+|ERR_(?:TLS|SSL)_\w+|CERT_\w+|DEPTH_ZERO_\w+|SELF_SIGNED_\w+|UNABLE_TO_\w+)$/
