import { execFile } from "node:child_process"
import { readFileSync, rmSync } from "node:fs"
import { join, resolve } from "node:path"
import { promisify } from "node:util"
import { type Carillon, createCarillon } from "carillon"
import { describe, expect, it } from "vitest"
import { appOf, cleanUp, run, write } from "../support/app-process.ts"

const root = resolve(import.meta.dirname, "../..")

/** Another process's view of the app's store. */
async function storeOf(folder: string): Promise<Carillon> {
  const carillon = await createCarillon({
    database: join(folder, ".carillon", "carillon.db"),
    group: "elsewhere",
    logger: false,
  })
  cleanUp(() => carillon.stop())
  return carillon
}

/** Notes each brand in a file: what the world sees of a handler. */
const subscriber = (body: string): string => `
  import { appendFileSync } from "node:fs"
  import type { SubscriberArgs, SubscriberConfig } from "carillon"
  const note = (text: string) => appendFileSync(import.meta.dirname + "/../../effects", text + "\\n")
  export default async function syncBrand({ event: { data }, logger }: SubscriberArgs<{ id: string }>) {
    ${body}
  }
  export const config: SubscriberConfig = { event: "brand.created", policy: { concurrency: 1, retries: 0 } }
`

const effectsOf = (folder: string): string[] =>
  readFileSync(join(folder, "effects"), "utf8").trim().split("\n")

const emitting = (...ids: string[]): string => `
  import { defineConfig } from "carillon"
  export default defineConfig({
    onStart: ({ carillon }) => carillon.emit(
      ${JSON.stringify(ids)}.map((id) => ({ name: "brand.created", data: { id } })),
    ),
  })
`

describe("an app in production", () => {
  it("handles what another process emits, and writes JSON that names the delivery", async () => {
    const folder = appOf({
      "src/subscribers/brand.ts": subscriber('note(data.id); logger.info("has " + data.id)'),
    })
    const app = run(["start", folder])
    await app.says("listens to brand.created")
    const store = await storeOf(folder)

    await store.emit({ name: "brand.created", data: { id: "brand_1" } })

    await app.says("has brand_1")
    app.child.kill("SIGTERM")
    const { code, output } = await app.exit
    expect(code).toBe(0)
    expect(effectsOf(folder)).toEqual(["brand_1"])
    const lines = output
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { msg: string; deliveryId?: string })
    expect(lines.map(({ msg }) => msg)).toContain("Processing brand.created which has 1 subscribers")
    expect(lines.find(({ msg }) => msg === "has brand_1")).toMatchObject({
      subscriber: "sync-brand",
      deliveryId: expect.stringMatching(/^dlv_/),
      attempt: 1,
    })
  })

  it("lets a running handler end at SIGTERM, hands the rest back, and loses nothing", async () => {
    const slow = `
      logger.info("begun " + data.id)
      await new Promise((done) => setTimeout(done, 400))
      note(data.id)`
    const folder = appOf({
      "carillon.config.ts": emitting("brand_1", "brand_2", "brand_3"),
      "src/subscribers/brand.ts": subscriber(slow),
    })
    const first = run(["start", folder])
    await first.says("begun brand_1")

    first.child.kill("SIGTERM")

    expect((await first.exit).code).toBe(0)
    expect(effectsOf(folder)).toEqual(["brand_1"])

    rmSync(join(folder, "carillon.config.ts"))
    const second = run(["start", folder, "--once"])
    expect((await second.exit).code).toBe(0)
    expect(effectsOf(folder).sort()).toEqual(["brand_1", "brand_2", "brand_3"])
  })

  it.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const)("exits at once at a second %s", async (signal, code) => {
    const folder = appOf({
      "carillon.config.ts": emitting("brand_1"),
      "src/subscribers/brand.ts": subscriber('logger.info("begun"); await new Promise(() => {})'),
    })
    const app = run(["start", folder])
    await app.says("begun")
    app.child.kill(signal)
    await app.says("Once more ends it at once")

    app.child.kill(signal)

    expect((await app.exit).code).toBe(code)
  })

  it("stops in order and exits 1 when an error went unhandled", async () => {
    const body = 'void Promise.reject(new Error("nobody awaits me")); note(data.id)'
    const folder = appOf({
      "carillon.config.ts": emitting("brand_1"),
      "src/subscribers/brand.ts": subscriber(body),
    })

    const { code, output } = await run(["start", folder]).exit

    expect(code).toBe(1)
    expect(output).toContain("nobody awaits me")
    const { deliveries } = await traceOfOnly(await storeOf(folder))
    expect(deliveries.map(({ state }) => state)).toEqual(["delivered"])
  })

  it("does not start with a subscriber that would never be called", async () => {
    const folder = appOf({ "src/subscribers/brand.ts": "export default () => {}\nexport const config = {}" })

    const { code, output } = await run(["start", folder]).exit

    expect(code).toBe(1)
    expect(output).toContain("src/subscribers/brand.ts")
  })

  it("closes its services after the last handler, in reverse order", async () => {
    const service = (name: string): string =>
      `${name}: () => ({ [Symbol.asyncDispose]: async () => console.log("closed ${name}") })`
    const folder = appOf({
      "carillon.config.ts": `
        export default {
          services: { ${service("database")}, ${service("cms")} },
          onStart: ({ carillon }) => carillon.emit([{ name: "brand.created", data: { id: "brand_1" } }]),
        }`,
      "src/subscribers/brand.ts": subscriber(
        'logger.info("begun"); await new Promise((done) => setTimeout(done, 200)); console.log("handled")',
      ),
    })
    const app = run(["start", folder])
    await app.says("begun")

    app.child.kill("SIGTERM")

    expect((await app.exit).output).toMatch(/handled.*closed cms.*closed database/s)
  })
})

describe("an app in development", () => {
  it("takes a changed subscriber up, and what ran before ends first", async () => {
    const text = (version: string): string =>
      subscriber(`
        logger.info("${version} begins " + data.id)
        await new Promise((done) => setTimeout(done, 300))
        logger.info("${version} ends " + data.id)`)
    const folder = appOf({ "src/subscribers/brand.ts": text("old") })
    const app = run(["dev", folder])
    await app.says("Change a file")
    const store = await storeOf(folder)
    await store.emit({ name: "brand.created", data: { id: "brand_1" } })
    await app.says("info: old begins brand_1")

    write(folder, { "src/subscribers/brand.ts": text("new") })

    await app.says("info: Changed: src/subscribers/brand.ts")
    await app.says("info: old ends brand_1")
    await app.says("listens to brand.created")
    await store.emit({ name: "brand.created", data: { id: "brand_2" } })
    await app.says("info: new ends brand_2")
    app.child.kill("SIGINT")
    expect((await app.exit).code).toBe(0)
  })

  it("shows a syntax error and goes on with the version before", async () => {
    const good = subscriber('logger.info("has " + data.id)')
    const folder = appOf({ "src/subscribers/brand.ts": good })
    const app = run(["dev", folder])
    await app.says("Change a file")
    const store = await storeOf(folder)

    write(folder, { "src/subscribers/brand.ts": `${good}\nconst = 1\n` })

    await app.says("error: src/subscribers/brand.ts does not load")
    await app.says("The version before this change goes on")
    await store.emit({ name: "brand.created", data: { id: "brand_1" } })
    await app.says("has brand_1")

    write(folder, { "src/subscribers/brand.ts": good.replace("has ", "mended, has ") })
    await app.says("listens to brand.created")
    await store.emit({ name: "brand.created", data: { id: "brand_2" } })
    await app.says("mended, has brand_2")
    app.child.kill("SIGTERM")
    expect((await app.exit).code).toBe(0)
  })

  it("finds a file that is new, and lets go of one that is gone", async () => {
    const folder = appOf({ "src/subscribers/brand.ts": subscriber("") })
    const app = run(["dev", folder])
    await app.says("Change a file")

    write(folder, {
      "src/subscribers/orders/placed.ts": subscriber("").replace("brand.created", "order.placed"),
    })
    await app.says("Subscriber sync-brand listens to order.placed (src/subscribers/orders/placed.ts)")

    rmSync(join(folder, "src/subscribers/brand.ts"))
    expect(await app.says("Changed: src/subscribers/brand.ts")).not.toContain("listens to brand.created")
    await app.says("listens to order.placed")
    app.child.kill("SIGTERM")
    expect((await app.exit).code).toBe(0)
  })

  it("follows what its files import, also from outside of its folder", async () => {
    const shared = appOf({ "cms.ts": 'export const cms = "old CMS"' })
    const folder = appOf({
      "src/subscribers/brand.ts": `import { cms } from "${join(shared, "cms")}"\n${subscriber('logger.info(cms + " has " + data.id)')}`,
    })
    const app = run(["dev", folder])
    await app.says("Change a file")
    const store = await storeOf(folder)
    await store.emit({ name: "brand.created", data: { id: "brand_1" } })
    await app.says("old CMS has brand_1")

    write(shared, { "cms.ts": 'export const cms = "new CMS"' })

    await app.says("listens to brand.created")
    await store.emit({ name: "brand.created", data: { id: "brand_2" } })
    await app.says("new CMS has brand_2")
  })

  it("goes on with a run by the version that knows its steps, not by the one that is about to stop", async () => {
    const workflow = (steps: string): string => `
      import { createStep, createWorkflow, waitForEventStep } from "carillon/workflows"
      const say = (name: string) => createStep(name, async (_: undefined, { logger }) => logger.info(name + " is done"))
      export const fulfil = createWorkflow("fulfil", () => {
        ${steps}
      })`
    const paid = 'waitForEventStep({ event: "order.paid" })'
    const folder = appOf({
      "src/workflows/fulfil.ts": workflow(`${paid}; say("ship")()`),
      "carillon.config.ts": `
        import { fulfil } from "./src/workflows/fulfil"
        export default {
          onStart: ({ container, occasion }) => occasion === "start" ? fulfil(container).run() : undefined,
        }`,
    })
    const app = run(["dev", folder])
    await app.says("Change a file")
    const store = await storeOf(folder)
    await expect.poll(async () => (await store.workflows.list()).items.map(({ why }) => why)).toHaveLength(1)

    write(folder, { "src/workflows/fulfil.ts": workflow(`${paid}; say("ship")(); say("thank")()`) })
    await app.says("info: Changed: src/workflows/fulfil.ts")
    await app.says("warn: Expected workflow `fulfil` to have the shape")
    await store.emit({ name: "order.paid" })
    write(folder, { "src/workflows/fulfil.ts": workflow(`${paid}; say("ship")()`) })

    await app.says("info: Changed: src/workflows/fulfil.ts")
    await app.says("info: ship is done")
    app.child.kill("SIGTERM")
    const { code, output } = await app.exit
    expect(output).not.toContain("error:")
    expect(code).toBe(0)
  })

  it("ends at once, with the reason, when its files cannot be used at all", async () => {
    const folder = appOf({ "carillon.config.ts": "export default { databse: 1 }" })

    const { code, output } = await run(["dev", folder]).exit

    expect(code).toBe(1)
    expect(output).toMatch(/error: carillon\.config\.ts: .*databse/)
  })
})

describe("an app that runs once", () => {
  it("exits 1 with the reason when its event was not delivered", async () => {
    const folder = appOf({
      "carillon.config.ts": emitting("brand_1"),
      "src/subscribers/brand.ts": subscriber('throw new Error("The CMS answered 503")'),
    })

    const { code, output } = await run(["dev", folder, "--once"]).exit

    expect(code).toBe(1)
    expect(output).toMatch(/error: brand\.created \(evt_\w+\) was not delivered\..*The CMS answered 503/)
  })

  it("shows a newcomer the brand at the CMS, a retry, and a command that works as typed", async () => {
    const folder = appOf({})
    const database = join(folder, "brands.db")

    const app = run(["dev", "examples/brands", "--once", "--database", database], { CMS_FAILS: "1" })
    const { code, output } = await app.exit

    expect(output).toMatch(
      /info: Processing brand\.created which has 1 subscribers\ninfo: Sending a POST request to \/brands\.\ninfo: Request Data: \{\n {2}"id": "\w+",\n {2}"name": "Acme",\n {2}"created_at": "[^"]+",\n {2}"updated_at": "[^"]+",\n {2}"deleted_at": null\n\}\ninfo: API Key: "123"\n/,
    )
    expect(output).toMatch(/warn: .*attempt 1: The CMS answered 503/)
    expect(code).toBe(0)
    const typed = /npm run (carillon -- trace .*)/.exec(output)?.[1] ?? ""
    const { stdout } = await promisify(execFile)("npm", ["run", "--silent", ...typed.split(" ")], {
      cwd: root,
    })
    expect(stdout).toContain("brand.created")
    expect(stdout).toContain("delivered")
  })
})

async function traceOfOnly(store: Carillon) {
  const { items } = await store.listEvents({})
  return store.trace(items[0]?.id ?? "none")
}
