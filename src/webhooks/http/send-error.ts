import { UnreachableError } from "../../core/errors.ts"
import type { Answer } from "./exchange.ts"

/** No answer came, or only a part of one; its message names no address that a name was resolved to. */
export class SendError extends UnreachableError {
  /** `sender`: it was this machine or its network, and the recipient has nothing to do with it. */
  readonly fault: "recipient" | "sender"
  /** What of the answer came. */
  readonly part: Answer | null
  /** The recipient may have it: nobody knows. Else nothing was sent; the message says which. */
  readonly isMaybeSent: boolean
  readonly #what: string

  constructor(
    what: string,
    {
      fault = "recipient",
      part = null,
      isMaybeSent = false,
    }: Partial<Pick<SendError, "fault" | "part" | "isMaybeSent">> = {},
  ) {
    super(`${what} ${isMaybeSent ? MAYBE_SENT : NOTHING_SENT}`)
    this.fault = fault
    this.part = part
    this.isMaybeSent = isMaybeSent
    this.#what = what
  }

  /** The same, with what came of the answer. */
  with(part: Answer): SendError {
    return new SendError(this.#what, { fault: this.fault, part, isMaybeSent: this.isMaybeSent })
  }
}

const NOTHING_SENT = "Nothing was sent."
const MAYBE_SENT = "Whether it has taken the request is not known."

/** What went wrong between two machines, told by its code: messages of the system have addresses in them. */
export function sendErrorOf(error: unknown, isMaybeSent: boolean): SendError {
  if (error instanceof SendError) return error
  const code = codeIn(error)
  if (OURS.has(code))
    return new SendError("Expected to wait for the answer, this process ends.", {
      fault: "sender",
      isMaybeSent,
    })
  const what = SENTENCES[code] ?? familySentence(code) ?? "to answer, the connection failed"
  return new SendError(`Expected the recipient ${what} (${code}).`, { isMaybeSent })
}

/** Connections were ended from this side. */
const OURS: ReadonlySet<string> = new Set(["UND_ERR_DESTROYED", "UND_ERR_CLOSED", "UND_ERR_ABORTED"])

const SENTENCES: Readonly<Record<string, string>> = {
  UND_ERR_CONNECT_TIMEOUT: "to take the connection in time, it did not",
  ETIMEDOUT: "to take the connection in time, it did not",
  ECONNREFUSED: "to take the connection, it refused it",
  EHOSTUNREACH: "to be reachable, there is no way to it",
  ENETUNREACH: "to be reachable, there is no way to it",
  EADDRNOTAVAIL: "to be reachable, there is no way to it",
  ECONNRESET: "to answer, it cut the connection",
  EPIPE: "to answer, it cut the connection",
  UND_ERR_SOCKET: "to answer, it closed the connection",
  UND_ERR_INVALID_ARG: "to be sent headers that can be sent, some cannot",
  UND_ERR_HEADERS_OVERFLOW: "to answer with at most 16 KiB of headers, it sent more",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "to send as much as its `content-length` says, it did not",
  CERT_HAS_EXPIRED: "to show a certificate that is valid, its time is over",
  CERT_NOT_YET_VALID: "to show a certificate that is valid, its time has not come",
  ERR_TLS_CERT_ALTNAME_INVALID: "to show a certificate for its name, it is for another one",
  DEPTH_ZERO_SELF_SIGNED_CERT: "to show a certificate that somebody we trust has signed, it signed it itself",
}

function familySentence(code: string): string | null {
  if (code.startsWith("HPE_")) return "to answer by HTTP/1.1, it sent something else"
  if (code.includes("CERT") || code.startsWith("UNABLE_TO_"))
    return "to show a certificate that we can verify, it did not"
  return /SSL|TLS|EPROTO/.test(code) ? "to speak TLS 1.2 or later, it did not" : null
}

function codeIn(error: unknown): string {
  const { code, errors } = error as { readonly code?: unknown; readonly errors?: readonly unknown[] }
  if (typeof code === "string") return code
  return errors?.[0] === undefined ? "no code" : codeIn(errors[0])
}
