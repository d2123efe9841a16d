import { once } from "node:events"
import { createServer } from "node:net"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { appOf, cleanUp, type Running, run, write } from "../support/app-process.ts"

const admin = { email: "admin@shop.example", password: "correct horse" }
const adminInEnv = { CARILLON_ADMIN_EMAIL: admin.email, CARILLON_ADMIN_PASSWORD: admin.password }

/** A shop that creates brands over HTTP, by a workflow, and notes who hears of them. */
const shop = {
  "src/workflows/create-brand.ts": `
    import { createStep, createWorkflow, emitEventStep, StepResponse, WorkflowResponse } from "carillon/workflows"
    const createBrandStep = createStep("create-brand-step", async (input: { name: string }) => {
      if (input.name === "Unlucky") throw new Error("The password of the database is secret")
      return new StepResponse({ id: "brand_" + input.name.toLowerCase(), name: input.name })
    })
    export const createBrandWorkflow = createWorkflow("create-brand", (input: { name: string }) => {
      const brand = createBrandStep(input)
      emitEventStep({ eventName: "brand.created", data: { id: brand.id } })
      return new WorkflowResponse(brand)
    })`,
  "src/subscribers/brand-created.ts": `
    export default async function brandCreated({ event, logger }) { logger.info("heard of " + event.data.id) }
    export const config = { event: "brand.created" }`,
  "src/api/admin/brands/route.ts": `
    import type { AppRequest, AppResponse } from "carillon"
    import { createBrandWorkflow } from "../../../workflows/create-brand"
    export const POST = async (req: AppRequest<{ name: string }>, res: AppResponse) => {
      const { result } = await createBrandWorkflow(req.scope).run({ input: req.validatedBody })
      res.json({ brand: result })
    }
    export const GET = async (req: AppRequest, res: AppResponse) => { res.json({ who: req.auth_context.actor_id }) }`,
  "src/api/middlewares.ts": `
    import { defineMiddlewares, validateAndTransformBody } from "carillon"
    import { z } from "zod"
    export default defineMiddlewares({ routes: [{
      matcher: "/admin/brands", method: "POST", middlewares: [validateAndTransformBody(z.object({ name: z.string().min(1) }))],
    }] })`,
  "src/api/store/version/route.ts": `export const GET = (req, res) => res.json("old")`,
}

interface Listening {
  readonly app: Running
  readonly folder: string
  readonly url: string
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>
  logIn(): Promise<{ authorization: string }>
}

async function setup(
  files: Readonly<Record<string, string>> = shop,
  { mode = "dev", env = {} }: { mode?: "dev" | "start"; env?: Readonly<Record<string, string>> } = {},
): Promise<Listening> {
  const folder = appOf(files)
  const app = run([mode, folder], { PORT: "0", CARILLON_LOG: "pretty", ...adminInEnv, ...env })
  return { app, folder, ...(await callerOf(app)) }
}

async function callerOf(app: Running): Promise<Pick<Listening, "url" | "post" | "logIn">> {
  const [url = ""] = /http:\/\/[\w:.]+/.exec(await app.says("HTTP is answered at http://")) ?? []
  const post: Listening["post"] = (path, body, headers = {}) =>
    fetch(`${url}${path}`, {
      method: "POST",
      body: typeof body === "string" ? body : JSON.stringify(body),
      headers: { "content-type": "application/json", ...headers },
    })
  const logIn = async () => {
    const { token } = (await (await post("/auth/user/emailpass", admin)).json()) as { token: string }
    return { authorization: `Bearer ${token}` }
  }
  return { url, post, logIn }
}

describe("an app with routes", () => {
  it("creates a brand for who logged in, and its subscriber hears of it", async () => {
    const { app, post, logIn } = await setup()

    const response = await post("/admin/brands", { name: "Acme" }, await logIn())

    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ brand: { id: "brand_acme", name: "Acme" } })
    await app.says("info: heard of brand_acme")
    app.child.kill("SIGTERM")
    const { code, output } = await app.exit
    expect(code).toBe(0)
    expect(output).toMatch(/^info: Processing brand\.created which has 1 subscribers$/m)
    expect(output).toMatch(/^http: POST \/admin\/brands ← - \(200\) - \d+\.\d{3} ms$/m)
  })

  it("says what is wrong with a brand, and nothing of what went wrong inside", async () => {
    const { app, post, logIn } = await setup()
    const user = await logIn()

    const refused = await post("/admin/brands", { name: "" }, user)
    const failed = await post("/admin/brands", { name: "Unlucky" }, user)

    expect([refused.status, await refused.json()]).toMatchObject([
      400,
      { type: "invalid_data", details: [{ path: "name" }] },
    ])
    expect([failed.status, await failed.json()]).toEqual([
      500,
      { type: "unknown_error", message: "An unknown error occurred." },
    ])
    await app.says("POST /admin/brands failed: The password of the database is secret")
  })

  it("lets nobody in without a good token", async () => {
    const { folder, url, post, logIn } = await setup()
    const { authorization } = await logIn()
    const statusFor = async (header: string) =>
      (await fetch(`${url}/admin/brands`, { headers: header === "" ? {} : { authorization: header } })).status

    expect(await statusFor(authorization)).toBe(200)
    expect(await statusFor(authorization.replace("Bearer", "bearer"))).toBe(200)
    for (const header of [
      "",
      "Bearer",
      "Bearer x",
      `${authorization}x`,
      authorization.slice(7),
      `Basic ${authorization.slice(7)}`,
    ])
      expect([header, await statusFor(header)]).toEqual([header, 401])

    const unknown = await post("/auth/user/emailpass", { ...admin, password: "wrong horse" })
    expect([unknown.status, await unknown.json()]).toEqual([
      401,
      { type: "unauthorized", message: "Invalid email or password" },
    ])
    expect((await post("/auth/user/emailpass", '{"email":')).status).toBe(400)
    expect((await post("/auth/user/emailpass", { email: [admin.email], password: {} })).status).toBe(400)

    const database = join(folder, ".carillon", "carillon.db")
    expect((await run(["user", "remove", admin.email, "--database", database]).exit).code).toBe(0)
    expect(await statusFor(authorization)).toBe(401)
  })

  it("answers a storm of log-ins with refusals, and everybody else as ever", {
    timeout: 60_000,
  }, async () => {
    const { url, post } = await setup()

    const storm = Array.from({ length: 200 }, () =>
      post("/auth/user/emailpass", { ...admin, password: "a guess" }),
    )
    const version = await fetch(`${url}/store/version`)
    const answers = await Promise.all(storm)

    expect(version.status).toBe(200)
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(11)
    const refused = answers.find(({ status }) => status === 429)
    expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThan(0)
    expect(await refused?.json()).toMatchObject({ type: "too_many_requests" })
    expect(new Set(statuses)).toEqual(new Set([401, 429]))
  })

  it("runs a job by its schedule", async () => {
    const { app } = await setup({
      "src/jobs/sync.ts": `
        export default async function (container) { container.resolve("logger").info("brands are synced") }
        export const config = { name: "sync-brands", schedule: { interval: 1000 } }`,
      "carillon.config.ts": "export default { http: {} }",
    })

    await app.says("info: brands are synced")
    await app.says("info: brands are synced")
  })
})

describe("an app that is started", () => {
  it("says that it lives before it is ready", async () => {
    const folder = appOf({
      ...shop,
      "carillon.config.ts": `
        import { existsSync } from "node:fs"
        export default {
          services: {
            slow: async () => {
              console.log("the service is being made")
              while (!existsSync(import.meta.dirname + "/go")) await new Promise((done) => setTimeout(done, 20))
              return {}
            },
          },
        }`,
    })
    const port = await freePort()
    const app = run(["start", folder], { PORT: String(port), CARILLON_LOG: "pretty" })
    const statusOf = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status
    await app.says("the service is being made")

    expect([await statusOf("/health"), await statusOf("/ready"), await statusOf("/store/version")]).toEqual([
      200, 503, 503,
    ])

    write(folder, { go: "" })
    await app.says("HTTP is answered at")
    expect([await statusOf("/health"), await statusOf("/ready"), await statusOf("/store/version")]).toEqual([
      200, 200, 200,
    ])
  })

  it("says how to create the first user, by a command that works as typed", async () => {
    const folder = appOf(shop)
    const app = run(["start", folder], { PORT: "0", CARILLON_LOG: "pretty" })
    const { logIn, url } = await callerOf(app)

    const said = await app.says("Nobody can log in yet")
    const [, words = ""] = /npm run carillon -- (user create .*)/.exec(said) ?? []
    expect((await run(words.split(" "), {}, `${admin.password}\n`).exit).code).toBe(0)

    expect((await fetch(`${url}/admin/brands`, { headers: await logIn() })).status).toBe(200)
  })

  it("ends with the reason when its port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1")
    cleanUp(() => other.close())
    await once(other, "listening")
    const { port } = other.address() as { port: number }

    const { code, output } = await run(["start", appOf(shop)], { PORT: String(port), CARILLON_LOG: "pretty" })
      .exit

    expect(code).toBe(1)
    expect(output).toMatch(
      new RegExp(`^error: Expected port ${port} of localhost to be free.*PORT=${port + 1}`, "m"),
    )
  })

  it("listens nowhere when it is told so, or runs once", async () => {
    const config = `export default { http: false }`
    const worker = run(["dev", appOf({ ...shop, "carillon.config.ts": config })])
    await worker.says("Change a file")
    worker.child.kill("SIGTERM")
    const { output } = await worker.exit
    const once = await run(["dev", appOf(shop), "--once"], { PORT: "0" }).exit

    expect(output).not.toContain("HTTP")
    expect([once.code, once.output.includes("HTTP")]).toEqual([0, false])
  })

  it("answers with Carillon's own API beside its routes, also where it has none", async () => {
    const folder = appOf({ "src/subscribers/brand.ts": shop["src/subscribers/brand-created.ts"] })
    const app = run(["dev", folder], { PORT: "0", CARILLON_LOG: "pretty", CARILLON_METRICS: "open" })
    const { url } = await callerOf(app)
    const [line = ""] = /curl .*/.exec(await app.says("curl ")) ?? []
    const [setupToken = ""] = /crl_setup_[\w-]+/.exec(line) ?? []
    const ask = (method: string, path: string, token: string, body?: unknown) =>
      fetch(`${url}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: body === undefined ? null : JSON.stringify(body),
      })

    const made = await ask("POST", "/api/tokens", setupToken, {
      name: "first",
      roles: ["admin"],
      scopes: "all",
    })
    const { token } = (await made.json()) as { token: string }
    const again = await ask("POST", "/api/tokens", setupToken, { name: "second", roles: ["admin"] })
    const emitted = await ask("POST", "/api/events", token, {
      name: "brand.created",
      data: { id: "brand_1" },
    })

    expect([made.status, again.status, emitted.status]).toEqual([201, 401, 201])
    await app.says("heard of brand_1")
    expect((await fetch(`${url}/metrics`)).status).toBe(200)
    expect((await fetch(`${url}/api/nothing`)).headers.get("content-type")).toBe("application/problem+json")
    const stream = await ask("GET", "/api/stream", token)
    const read = stream.text()
    app.child.kill("SIGTERM")
    expect(await read).toContain("retry:")
    expect((await app.exit).code).toBe(0)
  })

  it("is without the API where that is said", async () => {
    const config = `export default { http: { api: false } }`
    const { url, app } = await setup({ ...shop, "carillon.config.ts": config })

    expect((await fetch(`${url}/api`)).status).toBe(404)
    expect((await fetch(`${url}/store/version`)).status).toBe(200)
    app.child.kill("SIGTERM")
    expect((await app.exit).output).not.toContain("crl_setup_")
  })

  it("takes another port where the usual one is taken and nobody chose it", async () => {
    const holder = createServer()
    cleanUp(() => holder.close())
    await new Promise<void>((done) => {
      holder.once("error", () => done()) // then somebody else holds it, which is as good
      holder.listen(9_000, "127.0.0.1", done)
    })

    const app = run(["dev", appOf(shop)], { PORT: "", CARILLON_LOG: "pretty", ...adminInEnv })
    await app.says("Port 9000 is taken")
    const { url } = await callerOf(app)

    expect(url).not.toMatch(/:9000$/)
    expect((await fetch(`${url}/health`)).status).toBe(200)
    app.child.kill("SIGTERM")
    await app.exit
  })

  it("keeps log-ins over a restart, and says in production where their secret is", async () => {
    const { app, folder, logIn } = await setup(shop, { mode: "start" })
    const headers = await logIn()
    app.child.kill("SIGTERM")
    expect((await app.exit).output).toMatch(/^warn: .*CARILLON_SECRET/m)

    const again = run(["start", folder], { PORT: "0", CARILLON_LOG: "pretty" })
    const { url } = await callerOf(again)
    expect((await fetch(`${url}/admin/brands`, { headers })).status).toBe(200)
    again.child.kill("SIGTERM")
    await again.exit

    const secret = "thirty-two-letters-are-the-least-there-may-be"
    const own = run(["start", folder], { PORT: "0", CARILLON_LOG: "pretty", CARILLON_SECRET: secret })
    const other = await callerOf(own)
    expect((await fetch(`${other.url}/admin/brands`, { headers })).status).toBe(401)
    own.child.kill("SIGTERM")
    expect((await own.exit).output).not.toContain("CARILLON_SECRET")
  })

  it.each([
    ["a short secret", { CARILLON_SECRET: "short" }, /CARILLON_SECRET.*32/],
    [
      "half a user",
      { CARILLON_ADMIN_EMAIL: admin.email, CARILLON_ADMIN_PASSWORD: "" },
      /CARILLON_ADMIN_PASSWORD/,
    ],
    ["a short password", { ...adminInEnv, CARILLON_ADMIN_PASSWORD: "short" }, /password of 8 to 256/],
    ["a port that is none", { PORT: "http" }, /`PORT`/],
  ])("is not with %s", async (_, env, reason) => {
    const { code, output } = await run(["start", appOf(shop)], { PORT: "0", CARILLON_LOG: "pretty", ...env })
      .exit

    expect(code).toBe(1)
    expect(output).toMatch(reason)
    expect(output).not.toContain("    at ")
  })

  it("lets a request in flight end at SIGTERM, and takes no more", async () => {
    const { app, url } = await setup({
      "src/api/slow/route.ts": `
        export const GET = async (req, res) => {
          console.log("the request is inside")
          await new Promise((done) => setTimeout(done, 500))
          res.json("through")
        }`,
    })
    const inside = fetch(`${url}/slow`)
    await app.says("the request is inside")

    app.child.kill("SIGTERM")
    await app.says("finishing what runs")

    await expect(fetch(`${url}/health`)).rejects.toThrow()
    expect(await (await inside).json()).toBe("through")
    expect((await app.exit).code).toBe(0)
  })
})

describe("an app that is changed", () => {
  it("answers on the same port, before, while and after", async () => {
    const { app, folder, url } = await setup()
    const seen: unknown[] = []
    let isOver = false
    const caller = (async () => {
      while (!isOver) {
        const response = await fetch(`${url}/store/version`)
        seen.push(response.status === 200 ? await response.json() : response.status)
      }
    })()
    await app.says("Change a file")

    write(folder, { "src/api/store/version/route.ts": `export const GET = (req, res) => res.json("new")` })
    await app.says("HTTP is answered at")
    await fetch(`${url}/store/version`)
    isOver = true
    await caller

    expect(seen[0]).toBe("old")
    expect(seen.at(-1)).toBe("new")
    expect(new Set(seen)).toEqual(new Set(["old", "new"]))
  })

  it("may change a workflow's steps, and goes on with those before when a file does not load", async () => {
    const { app, folder, post, logIn } = await setup()
    await app.says("Change a file")
    const user = await logIn()
    const workflow = shop["src/workflows/create-brand.ts"]
    const two = workflow.replace(
      "emitEventStep(",
      `createStep("second", async () => new StepResponse(1))()\n      emitEventStep(`,
    )

    write(folder, { "src/workflows/create-brand.ts": two })
    await app.says("HTTP is answered at")
    expect((await post("/admin/brands", { name: "Acme" }, user)).status).toBe(200)

    write(folder, {
      "src/workflows/create-brand.ts": workflow,
      "src/workflows/zz-broken.ts": "export const = 1",
    })
    await app.says("The version before this change goes on")
    const response = await post("/admin/brands", { name: "Umbrella" }, user)
    expect(await response.json()).toEqual({ brand: { id: "brand_umbrella", name: "Umbrella" } })
    await app.says("heard of brand_umbrella")
  })

  it("comes back as it was when the new version loads but cannot start", async () => {
    const { app, folder, post, logIn } = await setup()
    await app.says("Change a file")
    const user = await logIn()

    write(folder, {
      "carillon.config.ts": `export default { services: { cms: () => { throw new Error("The CMS refuses us") } } }`,
      "src/workflows/create-brand.ts": shop["src/workflows/create-brand.ts"].replace('"brand_"', '"new_"'),
    })

    await app.says("The CMS refuses us")
    await app.says("The version before this change goes on")
    const response = await post("/admin/brands", { name: "Acme" }, user)
    expect(await response.json()).toEqual({ brand: { id: "brand_acme", name: "Acme" } })
    await app.says("heard of brand_acme")
  })
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as { port: number }
  await new Promise((done) => server.close(done))
  return port
}
