import { execFile, spawnSync } from "node:child_process"
import { promisify } from "node:util"
import { createCarillon } from "carillon"
import { webhookReceiver } from "carillon/testing"
import { SignJWT } from "jose"
import { describe, expect, it, vi } from "vitest"
import { cleanUp } from "../support/app-process.ts"
import { ADMIN, asked, type BrandsApp, brandsFolder, post, startBrands } from "../support/brands-app.ts"
import { describeEngines, skipAloud } from "../support/describe.ts"
import { placeOn } from "../support/place.ts"

vi.setConfig({ testTimeout: 60_000 }) // each starts an app or two as processes

/** Waits that a test can sit through. */
const QUICK = { policy: { retries: 2, initialBackoffDelay: 20 }, leaseMs: 3_000, heartbeatMs: 500 }

/** What `carillon runs show --json` says of a step's attempt. */
interface Step {
  readonly step: string
  readonly phase: string
  readonly outcome: string
  readonly error: string | null
}

const SYNC = "sync-brand-to-cms"

await describeEngines((engine) => {
  async function setup(settings: object = QUICK) {
    const place = await placeOn(engine, "brands")
    cleanUp(() => place.remove())
    const cms = await webhookReceiver({ answer: 201 })
    cleanUp(() => cms.close())
    const folder = brandsFolder({ ...settings })
    const { database } = place
    const start = (env: Readonly<Record<string, string>> = {}): Promise<BrandsApp> =>
      startBrands(folder, { CARILLON_DATABASE: database, CMS_URL: cms.url, ...env })
    // Another process's view of the store.
    const view = await createCarillon({ database, group: "elsewhere", logger: false })
    cleanUp(() => view.stop())
    const syncs = async (state: "invoking" | "done" | "reverted") =>
      (await view.workflows.list({ workflow: SYNC, state })).items
    const deliveries = async () => (await view.listDeliveries({ name: "brand.created" })).items
    const dead = () => eventually(async () => (await view.deadLetters({})).items[0])
    return { database, cms, start, view, syncs, deliveries, dead }
  }

  it("creates a brand over HTTP, syncs it to the CMS, and says each step of it", async () => {
    const { cms, start } = await setup()
    const app = await start()

    const answer = await app.create({ name: "Acme" }, await app.token())

    expect(answer.status).toBe(200)
    const { brand } = (await answer.json()) as { brand: Record<string, unknown> }
    expect(brand).toEqual({
      id: expect.stringMatching(/^\w{26}$/),
      name: "Acme",
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      updated_at: brand.created_at,
      deleted_at: null,
    })
    const [request] = await cms.waitFor(1)
    expect([request?.method, request?.path, request?.headers.authorization]).toEqual([
      "POST",
      "/brands",
      "Bearer 123",
    ])
    expect(request?.json()).toEqual(brand)
    await app.says("info: Processing brand.created which has 1 subscribers\n")
    const lines = `info: Sending a POST request to /brands.
info: Request Data: ${JSON.stringify(brand, null, 2)}
info: API Key: "123"
`
    const since = await app.says(/http: POST \/admin\/brands ← - \(200\) - \d+\.\d{3} ms\n/)
    if (!since.includes(lines)) await app.says(lines)
  })

  it("answers 401 to strangers and 400 to what is no brand, in one shape, and creates nothing", async () => {
    const { start, cms, view } = await setup()
    const secret = "a-secret-that-only-this-test-and-its-app-have"
    const app = await start({ CARILLON_SECRET: secret })
    const token = await app.token()
    const expired = await new SignJWT(JSON.parse(atob(token.split(".")[1] ?? "")) as Record<string, unknown>)
      .setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .setExpirationTime("1 minute ago")
      .sign(new TextEncoder().encode(secret))
    const logIn = (body: unknown): Promise<Response> => post(`${app.url}/auth/user/emailpass`, body, null)

    const answers = await Promise.all([
      app.create({ name: "Acme" }, null),
      app.create({ name: "Acme" }, expired),
      app.create({ name: "Acme" }, `${token.slice(0, -4)}AAAA`),
      logIn({ ...ADMIN, password: "a guess" }),
      logIn({ email: ADMIN.email }),
      app.create({ name: "" }, token),
      app.create({ name: 7 }, token),
      app.create("{ no JSON", token),
    ])

    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401, 400, 400, 400, 400])
    for (const answer of answers)
      expect(await answer.json()).toMatchObject({
        type: answer.status === 401 ? "unauthorized" : "invalid_data",
        message: expect.stringMatching(/\w/),
      })
    expect((await view.workflows.list()).items).toEqual([])
    expect(cms.requests).toEqual([])
  })

  it("undoes each try that the CMS refuses, shows it, and delivers in the end", async () => {
    const { cms, start, syncs, deliveries, database } = await setup()
    cms.answerNext(503, 503)
    const app = await start()

    await app.create({ name: "Acme" }, await app.token())

    await app.says(/warn: brand-created-handler failed on brand\.created .* attempt 1: The CMS answered 503/)
    await app.says(/attempt 2: The CMS answered 503/)
    const requests = await cms.waitFor(3)
    expect(new Set(requests.map(({ text }) => text)).size).toBe(1)
    await eventually(async () => (await deliveries()).find(({ state }) => state === "delivered"))
    const [one, two] = await syncs("reverted")
    expect([one?.error, two?.error]).toEqual(Array(2).fill("The CMS answered 503"))
    expect(await syncs("done")).toHaveLength(1)
    const { steps } = await asked<{ steps: readonly Step[] }>(database, "runs", "show", one?.id ?? "")
    expect(steps.map(({ step, phase, outcome, error }) => [step, phase, outcome, error])).toEqual([
      ["use-query-graph-step", "invoke", "done", null],
      [SYNC, "invoke", "permanent", "The CMS answered 503"],
      [SYNC, "compensate", "done", null],
    ])
  })

  it("keeps what the CMS refuses to the end as a dead letter, and a redrive brings it through", async () => {
    const { cms, start, syncs, deliveries, dead, database } = await setup()
    cms.answer(503)
    const app = await start()
    await app.create({ name: "Acme" }, await app.token())
    expect(await dead()).toMatchObject({ state: "dead", error: "The CMS answered 503" })
    expect(await syncs("reverted")).toHaveLength(3)

    cms.answer(201)
    await asked(database, "redrive", "--name", "brand.created")

    await eventually(async () => (await deliveries()).find(({ state }) => state === "delivered"))
    expect(cms.requests).toHaveLength(4)
    expect(await syncs("done")).toHaveLength(1)
  })

  it("says which brand there is not, and calls no CMS for it", async () => {
    const { cms, start, syncs, dead, database } = await setup()
    await start()

    await asked(database, "emit", "brand.created", '{"id":"brand_404"}')

    const { error } = await dead()
    expect(error).toMatch(/brand.*brand_404/)
    expect((await syncs("reverted"))[0]?.error).toBe(error)
    expect(cms.requests).toEqual([])
  })

  it("goes on with a sync whose process was killed in the middle", async () => {
    const { cms, start, syncs } = await setup()
    cms.answerNext("hang")
    const first = await start()
    await first.create({ name: "Acme" }, await first.token())
    const [interrupted] = await cms.waitFor(1)
    const [before] = await syncs("invoking")

    first.child.kill("SIGKILL")
    await first.exit
    await start()

    const [, repeated] = await cms.waitFor(2, { timeoutMs: 15_000 })
    expect(repeated?.json()).toEqual(interrupted?.json())
    const done = await eventually(async () => (await syncs("done"))[0])
    expect(done.id).toBe(before?.id)
    expect(await syncs("reverted")).toEqual([])
  })
})

describeCurl("the two lines that the example prints", () => {
  it("log in and create a brand as typed, and trace shows it delivered", async () => {
    const place = await placeOn("sqlite", "brands")
    cleanUp(() => place.remove())
    const { database } = place
    const app = await startBrands("examples/brands", { CARILLON_DATABASE: database })
    const typed = app.greeting.match(/^ +(TOKEN=|curl ).*/gm) ?? []
    expect(typed).toHaveLength(2)

    const { stdout, stderr } = await promisify(execFile)("sh", ["-c", typed.join("\n")])

    expect(JSON.parse(stdout), stderr).toMatchObject({ brand: { name: "Acme", deleted_at: null } })
    await app.says('info: API Key: "123"\n')
    const { items } = await asked<{ items: { id: string }[] }>(database, "events", "--name", "brand.created")
    const trace = await eventually(async () => {
      const { deliveries } = await asked<{ deliveries: { state: string }[] }>(
        database,
        "trace",
        items[0]?.id ?? "",
      )
      return deliveries.every(({ state }) => state === "delivered") ? deliveries : undefined
    })
    expect(trace).toHaveLength(1)
  })
})

function describeCurl(title: string, body: () => void): void {
  const isThere = ["sh", "curl", "sed"].every((each) => spawnSync(each, ["--version"]).error === undefined)
  if (isThere) describe(title, body)
  else skipAloud(title, "sh, curl or sed is not installed", body)
}

/** What other processes do is looked for until it is there. */
function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  return vi.waitFor(
    async () => {
      const found = await look()
      if (found === undefined) throw new Error("It did not come to that.")
      return found
    },
    { timeout: 15_000, interval: 50 },
  )
}
