import { Hono } from "hono"
import { cors } from "hono/cors"
import { describe, expect, it } from "vitest"
import { Reply } from "../http/reply.ts"
import { toResponse, WebRequest } from "../http/web-request.ts"
import { Cors } from "./cors.ts"

const origins = ["https://till.example", "https://shop.example"]
const exposed = ["X-Request-Id", "Location"]
const ours = new Cors({ origins, exposed })
const hono = new Hono()
  .use(
    "*",
    cors({
      origin: origins,
      exposeHeaders: exposed,
      allowMethods: "GET,HEAD,PUT,POST,DELETE,PATCH".split(","),
    }),
  )
  .all("*", (c) => c.body("{}", 200, { vary: "Accept", "content-type": "application/json" }))

function answered(request: Request): Response {
  const received = new WebRequest(request)
  const reply = new Reply("{}", { headers: { vary: "Accept", "content-type": "application/json" } })
  return toResponse(ours.preflight(received) ?? ours.allow(received, reply), request.method)
}

describe("what pages of other origins may", () => {
  it.each([
    ["GET", "https://till.example", null],
    ["POST", "https://evil.example", null],
    ["DELETE", "null", null],
    ["GET", null, null],
    ["OPTIONS", "https://till.example", "content-type, authorization"],
    ["OPTIONS", "https://till.example", ""],
    ["OPTIONS", "https://evil.example", "content-type"],
    ["OPTIONS", "https://TILL.example", null],
    ["OPTIONS", null, null],
  ])("is what Hono's middleware says to %s from %s, asking for %s", async (method, origin, asked) => {
    const headers = new Headers()
    if (origin !== null) headers.set("origin", origin)
    if (asked !== null) headers.set("access-control-request-headers", asked)
    const request = new Request("http://shop.example/api/events", { method, headers })

    const [one, other] = [answered(request), await hono.fetch(request)]

    expect([one.status, Object.fromEntries(one.headers)]).toEqual([
      other.status,
      Object.fromEntries(other.headers),
    ])
  })

  it("is nothing that an answer speaks of, where no origin is named", () => {
    const none = new Cors({ origins: [], exposed })
    const request = new WebRequest(new Request("http://shop.example/", { method: "OPTIONS" }))

    expect(none.preflight(request)).toBeNull()
    expect(none.allow(request, new Reply(null, { headers: {} })).headers).toEqual({})
  })
})
