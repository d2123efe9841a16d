import type { ApiDocument, Operation } from "./document.ts"
import type { Drawn } from "./requests.ts"
import type { Got } from "./socket.ts"

/** What an answer breaks; null = nothing. */
export function faultIn(document: ApiDocument, asked: Drawn, operation: Operation, got: Got): string | null {
  if (got.status === 0) return asked.framing === "cut" ? null : "The connection ended without an answer"
  if (isUnheard(got)) return asked.kind === "hostile" ? null : `It was no HTTP: ${got.body}`
  const meant = operationAsked(document, asked)
  if (meant === undefined) return faultInStray(document, got)
  const described = meant.responses[got.status]
  const isUnspoken = meant !== operation && [404, 405].includes(got.status)
  if (described === undefined && !isUnspoken)
    return `${got.status} is not in the document: ${got.body.subarray(0, 600)}`
  if (got.status >= 500) return `${got.status}: ${got.body}`
  if (got.status >= 400) return faultInProblem(document, got) ?? faultInRefusal(asked, meant, got)
  return faultInAnswer(document, asked, meant, got) ?? faultInAcceptance(asked, operation, got)
}

/** What Node cannot read as HTTP never comes to the API. */
function isUnheard({ status, headers }: Got): boolean {
  return headers.get("x-request-id") === null && [400, 408, 413, 431].includes(status)
}

/** As servers read it, a path has no dots and one root: another may have been reached than was drawn. */
export function operationAsked(document: ApiDocument, { method, target }: Drawn): Operation | undefined {
  if (!URL.canParse(target, "http://shop.example")) return undefined
  const { pathname } = new URL(target, "http://shop.example")
  return document.at(method === "HEAD" ? "GET" : method, pathname)
}

/** Where nothing is, or not with this method. */
function faultInStray(document: ApiDocument, got: Got): string | null {
  if (got.status === 204 && got.headers.has("allow")) return null
  // A reference for people is no part of the document, nor is it an answer to a program.
  if (got.status === 200 && got.headers.get("content-type")?.startsWith("text/html")) return null
  if (![400, 404, 405].includes(got.status)) return `${got.status} where the document has nothing`
  return faultInProblem(document, got)
}

function faultInProblem(document: ApiDocument, { status, headers, body }: Got): string | null {
  const type = headers.get("content-type")
  if (type !== "application/problem+json") return `A refusal with ${status} of the type ${type}: ${body}`
  if (headers.get("cache-control") !== "no-store" || headers.get("x-content-type-options") !== "nosniff")
    return "A refusal without the headers that keep it safe"
  const needed = NEEDED[status]
  if (needed !== undefined && !headers.has(needed)) return `A refusal with ${status} without \`${needed}\``
  if (body.length === 0) return null // of HEAD
  const problem = json(body) as { status?: number }
  const wrong = document.wrongIn(PROBLEM, problem)
  if (wrong !== null) return `A problem that is none: ${wrong}: ${body}`
  if (problem.status !== status) return `A problem that says ${problem.status} with ${status}`
  return INSIDE.test(body.toString()) ? `A problem that says what is inside: ${body}` : null
}

const PROBLEM = { $ref: "#/components/schemas/Problem" }
const NEEDED: Readonly<Record<number, string>> = { 401: "www-authenticate", 405: "allow", 429: "retry-after" }
/** Stacks, files, statements and other people's errors. */
const INSIDE =
  /node_modules|\.ts:\d|\n\s+at |SQLITE_|SQLSTATE|invalid input syntax|Cannot read propert|is not a function/

function faultInRefusal({ who, kind }: Drawn, { isOpen }: Operation, { status, body }: Got): string | null {
  const isUnknown = who === "nobody" || who === "stranger"
  if (!isOpen && isUnknown && kind !== "hostile" && status !== 401)
    return `${status} for somebody who is not known`
  if (kind === "nearly" && status !== 400)
    return `${status}, where one thing was wrong that the document refuses: ${body}`
  return null
}

function faultInAnswer(document: ApiDocument, asked: Drawn, operation: Operation, got: Got): string | null {
  const { content } = operation.responses[got.status] ?? {}
  if (content === undefined || asked.method === "HEAD")
    return got.body.length === 0 ? null : `A body where there should be none: ${got.body}`
  const media = got.headers.get("content-type")?.split(";")[0] ?? "none"
  if (got.headers.has("ce-specversion")) return null // of any type: the data alone
  const described = content[media]
  if (described === undefined) return `${got.status} of the type ${media}, which the document has not`
  if (got.isStream) return null
  const value = media.endsWith("json") ? json(got.body) : got.body.toString()
  const wrong = document.wrongIn(described.schema, value)
  return wrong === null
    ? null
    : `${got.status} that is not as the document says: ${wrong}: ${got.body.subarray(0, 2_000)}`
}

function faultInAcceptance(
  { kind, who, framing }: Drawn,
  { isOpen, body }: Operation,
  { status }: Got,
): string | null {
  if (kind === "nearly") return `${status}, where one thing was wrong that the document refuses`
  if (framing === "cut" && Object.keys(body).length > 0)
    return `${status} to a request that never came as a whole`
  if (!isOpen && kind === "valid" && (who === "nobody" || who === "stranger"))
    return `${status} for somebody who is not known`
  return null
}

function json(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    throw new Error(`An answer that is no JSON: ${body.subarray(0, 500)}`)
  }
}
