import { asValue } from "awilix"
import { describe, expect, it } from "vitest"
import { z } from "zod"
import { newContainer } from "../../container.ts"
import { InvalidInputError, NotFoundError, OverloadedError } from "../../core/errors.ts"
import { HttpError } from "../../http/http-error.ts"
import { Door } from "./door.ts"
import { checkMiddlewares, type MiddlewareRoute, type MiddlewaresConfig } from "./middlewares.ts"
import { resolveHttp } from "./options.ts"
import type { Asked } from "./request.ts"
import { type Method, type Route, type RouteHandler, readRoute } from "./route.ts"
import { validateAndTransformBody, validateAndTransformQuery } from "./validation.ts"

type Handlers = Readonly<Partial<Record<Method | "AUTHENTICATE", RouteHandler | boolean>>>

interface Shop {
  /** By their files below `src/api`, without `/route.ts`. */
  readonly routes?: Readonly<Record<string, Handlers>>
  readonly middlewares?: MiddlewaresConfig | readonly MiddlewareRoute[]
  readonly http?: object
}

function setup({ routes = {}, middlewares = [], http = {} }: Shop) {
  const lines: unknown[][] = []
  const log = (...parts: unknown[]): void => void lines.push(parts)
  const container = newContainer()
  container.register("currency", asValue("EUR"))
  const door = new Door({
    routes: Object.entries(routes).map(
      ([place, exports]) => readRoute(place, `${place}/route.ts`, exports) as Route,
    ),
    middlewares: checkMiddlewares("middlewares.ts", middlewares),
    container,
    logger: { debug: log, info: log, warn: log, error: log },
    http: resolveHttp("carillon.config.ts", http, {}),
    authenticate: async (asked: Asked) => {
      if (asked.get("authorization") !== "Bearer good") throw new HttpError(401, "Unauthorized")
      return { actor_id: "user_1", actor_type: "user", auth_identity_id: "user_1", app_metadata: {} }
    },
  })
  const ask = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ) => {
    const init = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }
    const response = await door.fetch(
      new Request(`http://shop.example${path}`, {
        method,
        headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
        ...init,
      }),
    )
    const text = await response.text()
    const isJson = response.headers.get("content-type")?.startsWith("application/json")
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: isJson && text !== "" ? JSON.parse(text) : null,
    }
  }
  return { door, ask, lines, container }
}

const admin = { authorization: "Bearer good" }
const answer =
  (value: unknown): RouteHandler =>
  (_, res) =>
    res.json(value)
const echo: RouteHandler = (req, res) => res.json({ body: req.body, params: req.params, query: req.query })

describe("a route", () => {
  it("is asked with what the request holds, and answers in Express's way", async () => {
    const { ask } = setup({
      routes: {
        "store/brands/[id]": {
          POST: async (req, res) => {
            const currency: string = req.scope.resolve("currency")
            res
              .status(201)
              .set("x-currency", currency)
              .json({ id: req.params.id, body: req.body, query: req.query })
          },
        },
      },
    })

    const { status, headers, json } = await ask("POST", "/store/brands/b%2F1?ids[]=1&ids[]=2&from[$gt]=3", {
      name: "Acme",
    })

    expect(status).toBe(201)
    expect(headers.get("x-currency")).toBe("EUR")
    expect(json).toEqual({
      id: "b/1",
      body: { name: "Acme" },
      query: { ids: ["1", "2"], from: { $gt: "3" } },
    })
  })

  it("may return a web response, which gets the headers that were set before", async () => {
    const { ask } = setup({
      routes: {
        feed: { GET: () => new Response("<feed/>", { headers: { "content-type": "application/xml" } }) },
      },
      middlewares: [{ matcher: "/feed", middlewares: [(_, res, next) => next(void res.set("x-shop", "1"))] }],
    })

    const { text, headers } = await ask("GET", "/feed")

    expect(text).toBe("<feed/>")
    expect(headers.get("content-type")).toBe("application/xml")
    expect(headers.get("x-shop")).toBe("1")
  })

  it("may answer later, from a callback", async () => {
    const { ask } = setup({
      routes: { slow: { GET: (_, res) => void setImmediate(() => res.send("done")) } },
    })

    expect(await ask("GET", "/slow")).toMatchObject({ status: 200, text: "done" })
  })

  it.each([
    ["text", (res) => res.send("Acme"), 200, "text/html; charset=utf-8", "Acme"],
    ["bytes", (res) => res.send(Buffer.from("Acme")), 200, "application/octet-stream", "Acme"],
    [
      "an object",
      (res) => res.send({ name: "Acme" }),
      200,
      "application/json; charset=utf-8",
      '{"name":"Acme"}',
    ],
    ["a status", (res) => res.sendStatus(202), 202, "text/plain; charset=utf-8", "202"],
    ["nothing", (res) => res.status(204).end(), 204, null, ""],
    ["a body where none may be", (res) => res.status(204).json({ name: "Acme" }), 204, null, ""],
    ["a type of its own", (res) => res.type("text/csv").send("a,b"), 200, "text/csv", "a,b"],
  ] satisfies [string, (res: Parameters<RouteHandler>[1]) => unknown, number, string | null, string][])(
    "answers with %s",
    async (_, respond, status, type, text) => {
      const { ask } = setup({ routes: { store: { GET: (_, res) => void respond(res) } } })

      const answered = await ask("GET", "/store")

      expect([answered.status, answered.headers.get("content-type"), answered.text]).toEqual([
        status,
        type,
        text,
      ])
    },
  )

  it("sets several cookies, and redirects to what any letter stands in", async () => {
    const { ask } = setup({
      routes: {
        old: { GET: (_, res) => res.append("set-cookie", ["a=1", "b=2"]).redirect("/neu?q=ü\r\nx-evil: 1") },
      },
    })

    const { status, headers } = await ask("GET", "/old")

    expect(status).toBe(302)
    expect(headers.get("location")).toBe("/neu?q=%C3%BC%0D%0Ax-evil:%201")
    expect(headers.getSetCookie()).toEqual(["a=1", "b=2"])
    expect(headers.get("x-evil")).toBeNull()
  })

  it("cannot be made to send a header that a caller wrote", async () => {
    const { ask } = setup({
      routes: { store: { GET: (req, res) => res.set("x-name", String(req.query.name)).end() } },
    })

    const { status, headers } = await ask("GET", "/store?name=a%0d%0aset-cookie:%20evil=1")

    expect(status).toBe(500)
    expect(headers.get("set-cookie")).toBeNull()
  })

  it("of a static path wins over one with a parameter, and each has the methods that it has", async () => {
    const { ask } = setup({
      routes: {
        "brands/[id]": { GET: answer("by id"), DELETE: answer("deleted") },
        "brands/import": { GET: answer("import") },
      },
    })

    expect((await ask("GET", "/brands/import")).json).toBe("import")
    expect((await ask("GET", "/brands/b1")).json).toBe("by id")
    expect((await ask("DELETE", "/brands/import")).json).toBe("deleted")
    expect((await ask("GET", "/brands/import/")).json).toBe("import")
  })

  it("answers HEAD as GET without the body, or as it says itself", async () => {
    const { ask } = setup({
      routes: {
        brands: { GET: (_, res) => res.set("x-count", 2).json([1, 2]) },
        stock: { GET: answer("all"), HEAD: (_, res) => res.set("x-count", 7).end() },
        only: { HEAD: (_, res) => res.set("x-count", 1).end() },
      },
    })

    expect(await ask("HEAD", "/brands")).toMatchObject({ status: 200, text: "" })
    expect((await ask("HEAD", "/brands")).headers.get("x-count")).toBe("2")
    expect((await ask("HEAD", "/stock")).headers.get("x-count")).toBe("7")
    expect((await ask("HEAD", "/only")).headers.get("x-count")).toBe("1")
    expect((await ask("GET", "/only")).status).toBe(405)
  })

  it("that is not there is 404, and another method than it has 405, with those it has", async () => {
    const { ask } = setup({ routes: { brands: { GET: answer([]), POST: answer({}) } } })

    expect(await ask("GET", "/nowhere")).toMatchObject({ status: 404, json: { type: "not_found" } })
    const refused = await ask("PUT", "/brands", {})
    expect(refused).toMatchObject({ status: 405, json: { type: "not_allowed" } })
    expect(refused.headers.get("allow")).toBe("GET, HEAD, OPTIONS, POST")
    expect((await ask("PROPFIND", "/brands")).status).toBe(405)
    const asked = await ask("OPTIONS", "/brands")
    expect([asked.status, asked.headers.get("allow")]).toEqual([204, "GET, HEAD, OPTIONS, POST"])
  })

  it("that ends without an answer says so in the log, and the caller gets 500", async () => {
    const { ask, lines } = setup({ routes: { brands: { GET: async () => {} } } })

    expect((await ask("GET", "/brands")).status).toBe(500)
    expect(JSON.stringify(lines)).toContain("handler of GET /brands")
  })

  it("that answers twice has answered once, and the second is in the log", async () => {
    const { ask, lines } = setup({
      routes: {
        brands: {
          GET: async (_, res) => {
            res.json("first")
            res.json("second")
          },
        },
      },
    })

    expect((await ask("GET", "/brands")).json).toBe("first")
    await new Promise((done) => setImmediate(done))
    expect(JSON.stringify(lines)).toContain("one answer to a request")
  })
})

describe("an error", () => {
  const failing = (error: unknown): Shop => ({
    routes: {
      brands: {
        GET: () => {
          throw error
        },
      },
    },
  })

  it.each([
    [
      new InvalidInputError("Expected a name."),
      400,
      { type: "invalid_data", message: "Expected a name.", code: "CARILLON_INVALID_INPUT" },
    ],
    [
      new NotFoundError("There is no brand brand_1."),
      404,
      { type: "not_found", message: "There is no brand brand_1.", code: "CARILLON_NOT_FOUND" },
    ],
    [
      new OverloadedError("The queue of 17 MB is full."),
      503,
      { type: "unavailable", code: "CARILLON_OVERLOADED" },
    ],
    [
      Object.assign(new Error("Brand exists"), { __isMedusaError: true, type: "conflict" }),
      409,
      { type: "conflict", message: "Brand exists" },
    ],
    [
      Object.assign(new Error("No stock"), { __isMedusaError: true, type: "not_allowed" }),
      400,
      { type: "not_allowed" },
    ],
    [new Error("password=secret"), 500, { type: "unknown_error", message: "An unknown error occurred." }],
    ["secret text", 500, { type: "unknown_error", message: "An unknown error occurred." }],
    [null, 500, { type: "unknown_error" }],
  ])("%s is answered in the one shape", async (error, status, body) => {
    const { ask } = setup(failing(error))

    const answered = await ask("GET", "/brands")

    expect(answered.status).toBe(status)
    expect(answered.json).toMatchObject(body)
    expect(answered.text).not.toMatch(/secret|17 MB|\bat \//)
  })

  it("from inside is in the log with its trace, one of the caller's is not", async () => {
    const inside = setup(failing(new Error("The CMS is away")))
    const callers = setup(failing(new InvalidInputError("Expected a name.")))

    await inside.ask("GET", "/brands")
    await callers.ask("GET", "/brands")

    expect(inside.lines[0]).toMatchObject([
      { err: { message: "The CMS is away" } },
      expect.stringContaining("GET /brands"),
    ])
    expect(callers.lines).toHaveLength(1) // the request's own line
  })

  it("can be answered by the app, or handed back to the usual answer", async () => {
    const shop: Shop = {
      ...failing(new Error("sold out")),
      middlewares: {
        errorHandler: (error, _, res, next) =>
          (error as Error).message === "sold out" ? void res.status(410).json({ gone: true }) : next(error),
      },
    }

    expect(await setup(shop).ask("GET", "/brands")).toMatchObject({ status: 410, json: { gone: true } })
    expect(await setup(shop).ask("GET", "/nowhere")).toMatchObject({
      status: 404,
      json: { type: "not_found" },
    })
  })

  it("of the app's own error handler does not hide the usual answer", async () => {
    const { ask } = setup({
      ...failing(new Error("first")),
      middlewares: {
        errorHandler: () => {
          throw new Error("second")
        },
      },
    })

    expect(await ask("GET", "/brands")).toMatchObject({ status: 500, json: { type: "unknown_error" } })
  })
})

describe("middlewares", () => {
  const noting =
    (name: string): NonNullable<MiddlewareRoute["middlewares"]>[number] =>
    (req, _, next) => {
      const noted = req as { seen?: string[] }
      noted.seen = [...(noted.seen ?? []), name]
      next()
    }
  const seen: RouteHandler = (req, res) => res.json((req as { seen?: string[] }).seen ?? [])

  it("run from the widest to the most particular, whatever order they stand in", async () => {
    const { ask } = setup({
      routes: { "store/brands/[id]": { GET: seen } },
      middlewares: [
        { matcher: "/store/brands/:id", method: "GET", middlewares: [noting("one path")] },
        { matcher: /^\/store/, method: "GET", middlewares: [noting("expression")] },
        { matcher: "/store*", middlewares: [noting("all below"), noting("and then")] },
        { matcher: "*", method: ["GET"], middlewares: [noting("every path")] },
        { matcher: "/store/brands/:id", method: "POST", middlewares: [noting("another method")] },
        { matcher: "/other", middlewares: [noting("another path")] },
      ],
    })

    expect((await ask("GET", "/store/brands/b1")).json).toEqual([
      "all below",
      "and then",
      "every path",
      "expression",
      "one path",
    ])
  })

  it("for a parameter do not see what a static route answers", async () => {
    const { ask } = setup({
      routes: { "brands/import": { POST: seen }, "brands/[id]": { POST: seen } },
      middlewares: [{ matcher: "/brands/:id", method: "POST", middlewares: [noting("by id")] }],
    })

    expect((await ask("POST", "/brands/import", {})).json).toEqual([])
    expect((await ask("POST", "/brands/b1", {})).json).toEqual(["by id"])
  })

  it("without a method also mean the paths below, with one only that path", async () => {
    const { ask } = setup({
      routes: { "brands/[id]/logo": { GET: seen } },
      middlewares: [
        { matcher: "/brands", middlewares: [noting("below")] },
        { matcher: "/brands", method: "GET", middlewares: [noting("exactly")] },
      ],
    })

    expect((await ask("GET", "/brands/b1/logo")).json).toEqual(["below"])
  })

  it("may answer themselves, also where there is no route", async () => {
    const { ask } = setup({
      middlewares: [{ matcher: "/status", middlewares: [(_, res) => res.json({ fine: true })] }],
    })

    expect((await ask("GET", "/status")).json).toEqual({ fine: true })
  })

  it("turn a request away by what they throw, reject with, or hand to next", async () => {
    const refusals = {
      throws: () => {
        throw new InvalidInputError("thrown")
      },
      rejects: async () => {
        throw new InvalidInputError("rejected")
      },
      hands: (_: unknown, __: unknown, next: (error?: unknown) => void) =>
        next(new InvalidInputError("handed on")),
    }

    for (const refuse of Object.values(refusals)) {
      const { ask } = setup({
        routes: { brands: { GET: answer("let in") } },
        middlewares: [{ matcher: "/brands", middlewares: [refuse] }],
      })
      expect((await ask("GET", "/brands")).status).toBe(400)
    }
  })

  it.each([
    ["a matcher that is none", { matcher: 7 as unknown as string }],
    ["a matcher that cannot be read", { matcher: "/brands/:id(" }],
    ["an unknown method", { matcher: "/", method: "FETCH" as Method }],
    ["no method at all", { matcher: "/", methods: [] }],
    ["a middleware that is no function", { matcher: "/", middlewares: ["x" as never] }],
    ["additional data", { matcher: "/", additionalDataValidator: {} } as MiddlewareRoute],
    ["an unknown field", { matcher: "/", middleware: [] } as MiddlewareRoute],
    ["a size that is none", { matcher: "/", bodyParser: { sizeLimit: "big" } }],
  ])("are refused with %s before the app starts", (_, route) => {
    const withDefault = { middlewares: [(_: unknown, __: unknown, next: () => void) => next()], ...route }
    expect(() => setup({ middlewares: [withDefault] })).toThrow(
      expect.objectContaining({ code: "CARILLON_CONFIG" }),
    )
  })
})

describe("validation", () => {
  const brand = z.object({ name: z.string().min(1), founded: z.coerce.number().optional() })
  const shop: Shop = {
    routes: {
      brands: {
        POST: (req, res) => res.json(req.validatedBody),
        GET: (req, res) => res.json({ query: req.validatedQuery, config: req.queryConfig }),
      },
    },
    middlewares: [
      { matcher: "/brands", method: "POST", middlewares: [validateAndTransformBody(brand)] },
      {
        matcher: "/brands",
        method: "GET",
        middlewares: [
          validateAndTransformQuery(
            z.object({
              fields: z.string().optional(),
              limit: z.coerce.number().optional(),
              offset: z.coerce.number().optional(),
              order: z.string().optional(),
            }),
            { defaults: ["id", "name"], isList: true },
          ),
        ],
      },
    ],
  }

  it("hands on what the schema made of the body", async () => {
    expect(
      (await setup(shop).ask("POST", "/brands", { name: "Acme", founded: "1949", owner: "x" })).json,
    ).toEqual({
      name: "Acme",
      founded: 1949,
    })
  })

  it("says each field that does not fit", async () => {
    const { status, json } = await setup(shop).ask("POST", "/brands", { name: "", founded: "long ago" })

    expect(status).toBe(400)
    expect(json).toMatchObject({
      type: "invalid_data",
      message: expect.stringContaining("`name`"),
      details: [{ path: "name" }, { path: "founded" }],
    })
  })

  it("refuses a request without a body, and does not fail over it", async () => {
    expect((await setup(shop).ask("POST", "/brands")).status).toBe(400)
  })

  it("reads fields and page of a list from the query", async () => {
    const { ask } = setup(shop)
    const configOf = async (query: string) => (await ask("GET", `/brands${query}`)).json.config

    expect(await configOf("")).toEqual({ fields: ["id", "name"], pagination: { skip: 0, take: 50 } })
    expect(await configOf("?fields=handle&limit=10&offset=20&order=-name")).toEqual({
      fields: ["handle"],
      pagination: { skip: 20, take: 10, order: { name: "DESC" } },
    })
    expect((await configOf("?fields=%2Bhandle,-name")).fields).toEqual(["id", "handle"])
    expect((await ask("GET", "/brands?limit=many")).status).toBe(400)
  })

  it("refuses at once what is no schema", () => {
    expect(() => validateAndTransformBody({} as never)).toThrow(/Standard Schema/)
  })
})

describe("a body", () => {
  const shop: Shop = { routes: { brands: { POST: echo } } }
  const bodyOf = async (body: string, headers: Readonly<Record<string, string>>) => {
    const { status, json } = await setup(shop).ask("POST", "/brands", body, headers)
    return status === 200 ? json.body : [status, json.type]
  }

  it("is read by its type", async () => {
    expect(await bodyOf('{"a":1}', { "content-type": "application/vnd.shop+json; charset=utf-8" })).toEqual({
      a: 1,
    })
    expect(await bodyOf("a=1&b[c]=2", { "content-type": "application/x-www-form-urlencoded" })).toEqual({
      a: "1",
      b: { c: "2" },
    })
    expect(await bodyOf("hello", { "content-type": "text/plain" })).toBe("hello")
    expect(await bodyOf("bytes", { "content-type": "application/octet-stream" })).toEqual({})
    expect(await bodyOf("", {})).toEqual({})
  })

  it.each([
    ["malformed", '{"a":', [400, "invalid_data"]],
    ["a key to the prototype of all objects", '{"a":[{"__proto__":{"admin":true}}]}', [400, "invalid_data"]],
    ["that key in disguise", '{"\\u005f\\u005fproto__":{"admin":true}}', [400, "invalid_data"]],
    ["a key to it by the constructor", '{"constructor":{"prototype":{"admin":true}}}', [400, "invalid_data"]],
    ["nested to exhaust the stack", `${"[".repeat(20_000)}${"]".repeat(20_000)}`, [400, "invalid_data"]],
    ["too large", JSON.stringify("x".repeat(102_400)), [413, "too_large"]],
  ])("is refused when it is %s", async (_, body, refusal) => {
    expect(await bodyOf(body, {})).toEqual(refusal)
  })

  it("of a form cannot reach a prototype either", async () => {
    const { json } = await setup(shop).ask(
      "POST",
      "/brands?__proto__[admin]=1",
      "__proto__[admin]=1&constructor[prototype][admin]=1",
      {
        "content-type": "application/x-www-form-urlencoded",
      },
    )

    expect(({} as { admin?: unknown }).admin).toBeUndefined()
    expect(JSON.stringify(json)).not.toContain("admin")
  })

  it("is refused when it is packed, or not in UTF-8", async () => {
    expect(await bodyOf("{}", { "content-encoding": "gzip" })).toEqual([415, "unsupported_media_type"])
    const { door } = setup(shop)
    const request = new Request("http://shop.example/brands", {
      method: "POST",
      body: Buffer.from([0x22, 0xff, 0x22]),
      headers: { "content-type": "application/json" },
    })
    expect((await door.fetch(request)).status).toBe(400)
  })

  it("is read no further than its limit, however much comes", async () => {
    let sent = 0
    const endless = new ReadableStream({
      pull(controller) {
        sent += 16_384
        controller.enqueue(new Uint8Array(16_384))
      },
    })
    const { door } = setup(shop)

    const response = await door.fetch(
      new Request("http://shop.example/brands", {
        method: "POST",
        body: endless,
        headers: { "content-type": "application/json" },
        duplex: "half",
      } as RequestInit),
    )

    expect(response.status).toBe(413)
    expect(sent).toBeLessThan(300_000)
  })

  it("has the limit of the most particular middleware, keeps its bytes, or is left alone", async () => {
    const { ask } = setup({
      routes: {
        hooks: { POST: (req, res) => res.json(String(req.rawBody)) },
        upload: { POST: async (req, res) => res.json((await req.request.text()).length) },
        small: { POST: echo },
      },
      middlewares: [
        { matcher: "/*", bodyParser: { sizeLimit: 10 } },
        { matcher: "/hooks", method: "POST", bodyParser: { preserveRawBody: true, sizeLimit: "1mb" } },
        { matcher: "/upload", method: "POST", bodyParser: false },
      ],
    })

    expect((await ask("POST", "/hooks", '{"a": 1.0}')).json).toBe('{"a": 1.0}')
    expect((await ask("POST", "/upload", "x".repeat(500_000))).json).toBe(500_000)
    expect((await ask("POST", "/small", { name: "longer than ten bytes" })).status).toBe(413)
  })
})

describe("what stands below /admin", () => {
  const shop: Shop = {
    routes: {
      "admin/brands": { GET: (req, res) => res.json(req.auth_context.actor_id) },
      "admin/public": { GET: answer("open"), AUTHENTICATE: false },
      "admin/[page]": { GET: answer("page") },
      "[area]/secrets": { GET: answer("secret") },
      administration: { GET: answer("open") },
    },
    middlewares: [{ matcher: "/admin/answers", middlewares: [(_, res) => res.json("secret")] }],
  }

  it.each([
    "/admin/brands",
    "/admin/brands/",
    "/admin",
    "//admin/brands",
    "/%61dmin/brands",
    "/store/../admin/brands",
    "/store/%2e%2e/admin/brands",
    "/admin/secrets",
    "/admin/answers",
    "/admin/nowhere/at/all",
  ])("is closed to strangers: %s", async (path) => {
    expect(await setup(shop).ask("GET", path)).toMatchObject({ status: 401, json: { type: "unauthorized" } })
  })

  it("is open to users, who are known in it", async () => {
    expect((await setup(shop).ask("GET", "/admin/brands", undefined, admin)).json).toBe("user_1")
  })

  it("is open where the route says so, and nowhere beside it", async () => {
    const { ask } = setup(shop)

    expect((await ask("GET", "/admin/public")).json).toBe("open")
    expect((await ask("GET", "/admin/other")).status).toBe(401)
    expect((await ask("GET", "/administration")).json).toBe("open")
    expect((await ask("GET", "/store/secrets")).json).toBe("secret")
  })

  it("does not read what strangers send, nor show them its schemas", async () => {
    const { ask } = setup({
      routes: { "admin/brands": { POST: echo } },
      middlewares: [
        {
          matcher: "/admin/brands",
          method: "POST",
          middlewares: [validateAndTransformBody(z.object({ name: z.string() }))],
        },
      ],
    })

    expect((await ask("POST", "/admin/brands", "x".repeat(1_000_000))).status).toBe(401)
    expect((await ask("POST", "/admin/brands", {})).status).toBe(401)
    expect((await ask("POST", "/admin/brands", {}, admin)).status).toBe(400)
  })
})

describe("pages of other origins", () => {
  const shop: Shop = {
    routes: { "admin/brands": { GET: answer([]) } },
    http: { cors: ["https://shop.example"] },
  }
  const preflight = {
    "access-control-request-method": "GET",
    "access-control-request-headers": "authorization",
  }

  it("may ask when their origin is named, also for what needs a user", async () => {
    const { ask } = setup(shop)
    const origin = "https://shop.example"

    const first = await ask("OPTIONS", "/admin/brands", undefined, { ...preflight, origin })
    expect(first.status).toBe(204)
    expect(first.headers.get("access-control-allow-origin")).toBe(origin)
    expect(
      (await ask("GET", "/admin/brands", undefined, { ...admin, origin })).headers.get(
        "access-control-allow-origin",
      ),
    ).toBe(origin)
    expect(
      (await ask("GET", "/admin/brands", undefined, { origin })).headers.get("access-control-allow-origin"),
    ).toBe(origin)
  })

  it("may not when it is not", async () => {
    const { headers } = await setup(shop).ask("GET", "/admin/brands", undefined, {
      ...admin,
      origin: "https://evil.example",
    })

    expect(headers.get("access-control-allow-origin")).toBeNull()
  })
})

describe("the line of a request", () => {
  it("is the one that everybody knows, without what may be secret in the query", async () => {
    const { ask, lines } = setup({ routes: { "store/brands": { GET: answer([]) } } })

    await ask("GET", "/store/brands?token=secret", undefined, { referer: "https://shop.example/\u009b31m" })

    expect(lines).toHaveLength(1)
    const [fields, text] = lines[0] as [object, string]
    expect(text).toMatch(/^GET \/store\/brands ← https:\/\/shop\.example\/\ufffd31m \(200\) - \d+\.\d{3} ms$/)
    expect(fields).toMatchObject({ http: { method: "GET", path: "/store/brands", status: 200 } })
    expect(JSON.stringify(lines)).not.toContain("secret")
  })
})
