import type { z } from "@hono/zod-openapi"
import type { RouteContract } from "../contract/route.ts"
import { type ByteLimits, jsonIn, readBytes, refuseCharset } from "../http/body.ts"
import { HttpError, schemaError } from "../http/http-error.ts"
import { isJson, mediaType } from "../http/media-type.ts"
import type { Received } from "../http/received.ts"
import { plainIssues } from "./issues.ts"

/** The parts of a request that a route has schemas for, checked. */
export interface Read {
  readonly params: unknown
  readonly query: unknown
}

export function readUrl(
  { params, query }: RouteContract,
  request: Received,
  named: Record<string, string>,
): Read {
  return {
    params: params === undefined ? undefined : checked("path", params, refusingTraps(named)),
    query: query === undefined ? undefined : checked("query", query, refusingTraps(queryOf(request.target))),
  }
}

export async function readAskedBody(
  { body, optionalBody = false }: RouteContract,
  request: Received,
  limits: ByteLimits,
): Promise<unknown> {
  if (body === undefined) return undefined
  const given = await readJson(request, limits)
  return given === undefined && optionalBody ? undefined : checked("body", body, given)
}

/** undefined = there is none. */
export async function readJson(request: Received, limits: ByteLimits): Promise<unknown> {
  if (!isJson(mediaType(request.header("content-type")))) return nothingIn(request)
  refuseCharset(request)
  const bytes = await readBytes(request, limits)
  return bytes.length === 0 ? undefined : jsonIn(bytes)
}

/** What is of another kind is not read, however long it is. */
async function nothingIn(request: Received): Promise<undefined> {
  for await (const chunk of request.chunks())
    if (chunk.length > 0) throw new HttpError(415, "Expected a body of `Content-Type: application/json`.")
}

export function checked(what: string, schema: z.ZodType, value: unknown): unknown {
  const { success, data, error } = schema.safeParse(value)
  if (!success) throw schemaError(what, plainIssues(error.issues))
  return data
}

function queryOf(target: string): Record<string, unknown> {
  const at = target.indexOf("?")
  if (at === -1) return {}
  const query: Record<string, unknown> = Object.create(null)
  for (const [name, value] of new URLSearchParams(target.slice(at + 1))) {
    if (Object.hasOwn(query, name))
      throw new HttpError(400, `Expected \`${name.slice(0, 100)}\` once, got it more often.`)
    query[name] = value
  }
  return query
}

/** A store may cut a text at its first NUL, or cannot keep it: nothing that is kept is called so. */
function refusingTraps(values: Record<string, unknown>): Record<string, unknown> {
  for (const [name, value] of Object.entries(values))
    if (typeof value === "string" && (value.includes("\0") || !value.isWellFormed()))
      throw new HttpError(400, `Expected \`${name.slice(0, 100)}\` to be text without NUL, got it with one.`)
  return values
}
