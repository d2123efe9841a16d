import { OpenAPIHono, type z } from "@hono/zod-openapi"
import { PROBLEM_TYPE, problem } from "../contract/problem.ts"
import type { RouteContract } from "../contract/route.ts"

export type ApiDocument = ReturnType<OpenAPIHono["getOpenAPI31Document"]>

type Operation = Parameters<OpenAPIHono["openAPIRegistry"]["registerPath"]>[0]

/** The OpenAPI document of these routes. */
export function documentOf(routes: readonly RouteContract[], basePath: string): ApiDocument {
  const app = new OpenAPIHono()
  const registry = app.openAPIRegistry
  registry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description: "A token from `carillon token create`, or what POST /auth/user/emailpass answers",
  })
  for (const each of routes) registry.registerPath(operationOf(each))
  return app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Carillon",
      version: "1",
      description: "Emit events, see what became of them, and steer what waits.",
    },
    servers: [{ url: basePath === "" ? "/" : basePath }],
    security: [{ bearer: [] }],
  })
}

function operationOf(contract: RouteContract): Operation {
  const { id, method, path, tag, summary, description, permission, reach } = contract
  return {
    operationId: id,
    method,
    path,
    tags: [tag],
    summary,
    description: [description, needs(contract)].filter(Boolean).join("\n\n"),
    request: requestOf(contract),
    responses: { ...answersOf(contract), ...refusalsOf(contract) },
    ...(reach === "open" ? { security: [] } : {}),
    "x-permission": permission ?? undefined,
    "x-reach": reach,
  } as Operation
}

function needs({ permission, reach }: RouteContract): string {
  const what = permission === null ? "" : `Needs the permission \`${permission}\``
  if (reach !== "installation") return what === "" ? "" : `${what}.`
  return `${what === "" ? "Needs" : `${what} and`} a credential for all scopes.`
}

function requestOf({
  params,
  query,
  headers,
  body,
  otherBodies,
  optionalBody,
}: RouteContract): Operation["request"] {
  return {
    params,
    query,
    headers,
    ...(body === undefined
      ? {}
      : { body: { required: optionalBody !== true, content: contentOf(body, otherBodies) } }),
  } as Operation["request"]
}

function answersOf(contract: RouteContract) {
  const { status, response, responseType, otherStatuses = {} } = contract
  const { otherResponses, responseHeaders, summary } = contract
  const headers = Object.fromEntries(
    Object.entries(responseHeaders ?? {}).map(([name, description]) => [
      name,
      { description, schema: { type: "string" } },
    ]),
  )
  if (response === null) return { [status ?? 204]: { description: summary, headers } }
  const content = contentOf(response, otherResponses, responseType)
  const usual = { [status ?? 200]: { description: summary, headers, content } }
  const others = Object.entries(otherStatuses).map(([other, description]) => [
    other,
    { description, headers, content },
  ])
  return { ...usual, ...Object.fromEntries(others) }
}

function contentOf(
  schema: z.ZodType,
  others: Readonly<Record<string, z.ZodType>> = {},
  type = "application/json",
) {
  const forms = Object.entries({ [type]: schema, ...others })
  return Object.fromEntries(forms.map(([type, each]) => [type, { schema: each }]))
}

function refusalsOf(contract: RouteContract) {
  const words: Record<number, string> = { ...USUAL, ...contract.refusals }
  if (contract.reach === "open")
    for (const status of [401, 403]) if (contract.refusals?.[status] === undefined) delete words[status]
  if (contract.params === undefined && contract.refusals?.[404] === undefined) delete words[404]
  if (contract.body === undefined) for (const status of [413, 415]) delete words[status]
  return Object.fromEntries(
    Object.entries(words).map(([status, description]) => [
      status,
      { description, content: { [PROBLEM_TYPE]: { schema: problem } } },
    ]),
  )
}

/** What each route may refuse with. */
const USUAL: Readonly<Record<number, string>> = {
  400: "Something in the request is not as it should be",
  401: "No credential, or none that is good",
  403: "The credential is good for other things",
  404: "It is not there, or not for this credential to see",
  413: "The body is too large",
  415: "The body is of another kind",
  429: "Too many requests: `Retry-After` says when to try again",
  503: "Busy, or the store is away: `Retry-After`",
}
