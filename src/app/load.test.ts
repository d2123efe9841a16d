import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { workflowRegistry } from "../runs/registry.ts"
import { findSources } from "./discovery.ts"
import { loadApp } from "./load.ts"

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function setup(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "carillon-app-"))
  folders.push(folder)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

const subscriber = (event: string, name = ""): string =>
  `export default async function ${name}() {}\nexport const config = { event: ${event} }\n`

describe("the folder of subscribers", () => {
  it("is searched to its depth, but for indexes, drafts, tests and declarations", async () => {
    const folder = setup(
      Object.fromEntries(
        [
          "a.ts",
          "b.js",
          "deep/er/c.ts",
          "index.ts",
          "deep/index.js",
          "_draft.ts",
          "a.spec.ts",
          "b.test.js",
          "types.d.ts",
          "__tests__/d.ts",
          "notes.md",
        ].map((name) => [name, ""]),
      ),
    )

    const files = await findSources(folder)

    expect(files.map((file) => file.slice(folder.length + 1))).toEqual(["a.ts", "b.js", "deep/er/c.ts"])
  })

  it("may be missing", async () => {
    expect(await findSources(join(setup({}), "src", "subscribers"))).toEqual([])
  })
})

describe("an app's files", () => {
  it("register each subscriber once per event, under the right ids, and skip what is none with a warning", async () => {
    const folder = setup({
      "package.json": '{ "name": "shop" }',
      "src/subscribers/order-updated.ts": subscriber('["order.placed", "order.canceled", "order.completed"]'),
      "src/subscribers/deep/variant.ts": subscriber('"variant.created"', "productUpdater"),
      "src/subscribers/plain.js": subscriber('"product.updated"'),
      "src/subscribers/no-config.ts": "export default async function () {}",
      "src/subscribers/no-function.ts": 'export const config = { event: "x" }',
      "src/subscribers/number.ts": subscriber("7"),
    })

    const { subscribers, warnings, config } = await loadApp({ folder, mode: "dev" })

    expect(subscribers.map(({ id, events }) => [id, events])).toEqual([
      ["product-updater", ["variant.created"]],
      ["order-updated", ["order.placed", "order.canceled", "order.completed"]],
      ["plain", ["product.updated"]],
    ])
    expect(warnings).toHaveLength(3)
    expect(config.carillon.group).toBe("shop")
  })

  it("may be ordinary TypeScript: enums, imports without endings, types imported as values", async () => {
    const folder = setup({
      "src/shared/kinds.ts": 'export enum Kind { Brand = "brand" }\nexport interface Brand { id: string }',
      "src/subscribers/brand.ts": `
        import { Brand, Kind } from "../shared/kinds"
        import { Modules, SubscriberArgs } from "carillon"
        export default async function ({ event }: SubscriberArgs<Brand>) { event.data.id }
        export const config = { event: \`\${Kind.Brand}.created\`, context: { subscriberId: Modules.EVENT } }`,
    })

    const { subscribers } = await loadApp({ folder, mode: "dev" })

    expect(subscribers).toMatchObject([{ id: "event", events: ["brand.created"] }])
  })

  it("share their modules, and are read afresh each time", async () => {
    const use = (id: string): string =>
      `import { seen } from "../seen"\nseen.push("${id}")\n${subscriber(`seen.join("+")`, id)}`
    const folder = setup({
      "src/seen.ts": "export const seen: string[] = []",
      "src/subscribers/a.ts": use("a"),
      "src/subscribers/b.ts": use("b"),
    })
    const names = async (): Promise<(readonly string[])[]> =>
      (await loadApp({ folder, mode: "dev" })).subscribers.map(({ events }) => events)

    expect(await names()).toEqual([["a"], ["a+b"]])
    writeFileSync(join(folder, "src/subscribers/b.ts"), use("changed"))
    expect(await names()).toEqual([["a"], ["a+changed"]])
  })

  it("say which of them does not load", async () => {
    const folder = setup({ "src/subscribers/brand.ts": "export default {,}" })

    await expect(loadApp({ folder, mode: "dev" })).rejects.toThrow(
      /src\/subscribers\/brand\.ts does not load/,
    )
  })

  it("warn of a missing event in development and stop in production", async () => {
    const folder = setup({ "src/subscribers/brand.ts": subscriber("undefined") })

    expect((await loadApp({ folder, mode: "dev" })).warnings).toHaveLength(1)
    await expect(loadApp({ folder, mode: "start" })).rejects.toMatchObject({ code: "CARILLON_CONFIG" })
  })

  it("collide when two have one id on one event, and only then", async () => {
    const folder = setup({
      "src/subscribers/a.ts": subscriber('"brand.created"', "syncBrand"),
      "src/subscribers/b.ts": subscriber('["brand.updated", "brand.created"]', "syncBrand"),
    })

    await expect(loadApp({ folder, mode: "dev" })).rejects.toMatchObject({
      code: "CARILLON_DUPLICATE_SUBSCRIBER",
      message: expect.stringMatching(/a\.ts and .*b\.ts/),
    })

    writeFileSync(join(folder, "src/subscribers/b.ts"), subscriber('"brand.updated"', "syncBrand"))
    expect((await loadApp({ folder, mode: "dev" })).subscribers).toHaveLength(2)
  })
})

describe("an app's modules", () => {
  const module = (name: string): string => `
    import { Module } from "carillon"
    class Service { constructor(_, options) { this.options = options } }
    export default Module("${name}", { service: Service })`
  const load = (files: Readonly<Record<string, string>>) =>
    loadApp({ folder: setup(files), mode: "dev" }).then(({ modules }) =>
      modules.map(({ module, options }) => [module.name, options]),
    )

  it("are those of the configuration in its order, with their options, and then all others", async () => {
    const loaded = await load({
      "carillon.config.ts": `export default { modules: [
        { resolve: "./src/modules/cms", options: { apiKey: "123" } },
        { resolve: "./plugins/tax.ts" },
      ] }`,
      "src/modules/brand/index.ts": module("brand"),
      "src/modules/cms/index.ts": module("cms"),
      "src/modules/cms/service.ts": "export class NotAModule {}",
      "plugins/tax.ts": module("tax"),
    })

    expect(loaded).toEqual([
      ["cms", { apiKey: "123" }],
      ["tax", undefined],
      ["brand", undefined],
    ])
  })

  it.each([
    ["a folder that is not there", '[{ resolve: "./src/modules/brnad" }]', /brnad.*there is none/],
    ["a package that is not installed", '[{ resolve: "no-such-module" }]', /no-such-module.*installed/],
    ["no place", "[{ options: {} }]", /modules\[0\].*`resolve`/],
    ["an unknown field", '[{ resolve: "./x", option: {} }]', /modules\[0\].*`option`/],
    ["an object instead of a list", "{}", /`modules` to be a list/],
  ])("are refused for %s", async (_, modules, message) => {
    await expect(
      load({ "carillon.config.ts": `export default { modules: ${modules} }` }),
    ).rejects.toMatchObject({
      code: "CARILLON_CONFIG",
      message: expect.stringMatching(message),
    })
  })

  it("have a module as their default export", async () => {
    await expect(load({ "src/modules/brand/index.ts": "export default class {}" })).rejects.toThrow(
      /src\/modules\/brand\/index\.ts: .*Module\(name/,
    )
  })
})

describe("an app's API", () => {
  const load = (files: Readonly<Record<string, string>>) => loadApp({ folder: setup(files), mode: "dev" })

  it("is its route files by their places, but for private folders, and its middlewares", async () => {
    const { api, warnings } = await load({
      "src/api/admin/brands/route.ts": "export const POST = () => {}",
      "src/api/admin/brands/[id]/route.js": "export const GET = () => {}\nexport const AUTHENTICATE = false",
      "src/api/admin/brands/validators.ts": "throw new Error('nobody loads this')",
      "src/api/admin/_drafts/route.ts": "export const GET = () => {}",
      "src/api/store/route.ts": "export const helper = 1",
      "src/api/middlewares.ts": `
        import { defineMiddlewares } from "carillon"
        export default defineMiddlewares([{ matcher: "/admin*", middlewares: [(req, res, next) => next()] }])`,
    })

    expect(api.routes.map(({ path, authenticate }) => [path, authenticate])).toEqual([
      ["/admin/brands/:id", false],
      ["/admin/brands", true],
    ])
    expect(api.middlewares.routes).toMatchObject([{ matcher: "/admin*", methods: null }])
    expect(warnings).toEqual([expect.stringContaining("src/api/store/route.ts")])
  })

  it("names the file that is wrong", async () => {
    await expect(load({ "src/api/middlewares.ts": "export default 7" })).rejects.toThrow(
      /^src\/api\/middlewares\.ts: /,
    )
    await expect(load({ "src/api/brands/route.ts": "export const GET = 7" })).rejects.toThrow(
      /^src\/api\/brands\/route\.ts: /,
    )
  })
})

describe("an app's jobs", () => {
  const job = (config: string): string => `export default async () => {}\nexport const config = ${config}`
  const load = (files: Readonly<Record<string, string>>) => loadApp({ folder: setup(files), mode: "dev" })
  afterEach(() => workflowRegistry.clear())

  it("become workflows of one step, with their schedule", async () => {
    const { jobs } = await load({
      "src/jobs/sync.ts": job('{ name: "sync-brands", schedule: "0 3 * * *", numberOfExecutions: 2 }'),
      "src/schedules/deep/tidy.ts": job('{ name: "tidy", schedule: { interval: 60_000 } }'),
      "src/schedules/report.ts": job(
        '{ name: "report", schedule: { cron: "@daily", timeZone: "Europe/Berlin" } }',
      ),
    })

    expect(jobs.map(({ name }) => name).sort()).toEqual(["report", "sync-brands", "tidy"])
    const optionsOf = (name: string) => workflowRegistry.get(`job:${name}`)?.options.schedule
    expect(optionsOf("sync-brands")).toMatchObject({ cron: "0 3 * * *", numberOfExecutions: 2 })
    expect(optionsOf("tidy")).toMatchObject({ cron: null, interval: 60_000 })
    expect(optionsOf("report")).toMatchObject({ timeZone: "Europe/Berlin" })
  })

  it.each([
    ["a cron expression that is none", job('{ name: "x", schedule: "at night" }'), /`cron`/],
    ["a date that never comes", job('{ name: "x", schedule: "0 0 30 2 *" }'), /never comes/],
    ["neither cron nor interval", job('{ name: "x", schedule: {} }'), /neither/],
    ["no schedule", job('{ name: "x" }'), /config\.schedule/],
    ["no name", job('{ schedule: "@daily" }'), /config\.name/],
    ["an unknown field", job('{ name: "x", schedule: "@daily", sheduled: 1 }'), /sheduled/],
    ["no config", "export default async () => {}", /`config`/],
    ["no function", 'export const config = { name: "x", schedule: "@daily" }', /default export/],
  ])("stop the start with %s, and name the file", async (_, text, message) => {
    await expect(load({ "src/jobs/sync.ts": text })).rejects.toMatchObject({
      code: "CARILLON_CONFIG",
      message: expect.stringMatching(new RegExp(`^src/jobs/sync\\.ts: .*${message.source}`)),
    })
  })

  it("have one name each", async () => {
    const text = job('{ name: "sync", schedule: "@daily" }')

    await expect(load({ "src/jobs/a.ts": text, "src/schedules/b.ts": text })).rejects.toThrow(
      /`sync`: src\/schedules\/b\.ts and src\/jobs\/a\.ts/,
    )
  })
})

describe("the configuration", () => {
  const load = (config: string, database?: string) => {
    const folder = setup({ "carillon.config.ts": config })
    return loadApp({ folder, mode: "dev", database }).then(({ config }) => ({ ...config, folder }))
  }

  it("is optional", async () => {
    const { carillon, folder } = await load(
      'import { defineConfig } from "carillon"\nexport default defineConfig({})',
    )

    expect(carillon.database).toBe(join(folder, ".carillon", "carillon.db"))
  })

  it("keeps a relative database in the app's folder, unless the command line says otherwise", async () => {
    const config = 'export default { database: "file:./shop.db" }'

    const own = await load(config)

    expect(own.carillon.database).toBe(join(own.folder, "shop.db"))
    expect((await load(config, ":memory:")).carillon.database).toBe(":memory:")
  })

  it.each([
    ["an option that does not exist", "{ databse: 1 }", /databse.*logLevel/],
    ["a value out of range", "{ concurrency: 0 }", /`concurrency`/],
    ["a policy that cannot be", "{ policy: { retries: -1 } }", /retries/],
    ["a level that does not exist", '{ logLevel: "loud" }', /`logLevel`/],
    ["a service that is no function", "{ services: { cms: {} } }", /`services\.cms`/],
    ["a container of its own", "{ container: {} }", /`container`/],
    ["no default export", "undefined", /default export/],
  ])("is refused by file and option for %s", async (_, value, message) => {
    await expect(load(`export default ${value}`)).rejects.toMatchObject({
      code: "CARILLON_CONFIG",
      message: expect.stringMatching(message),
    })
    await expect(load(`export default ${value}`)).rejects.toThrow(/^carillon\.config\.ts: /)
  })

  it("define events, by default and by name, beside those of the config", async () => {
    const folder = setup({
      "carillon.config.ts": `import { defineConfig, defineEvent } from "carillon"
        import { customerSaved } from "./src/events/customer"
        export default defineConfig({ definitions: [defineEvent("order.paid", {}), customerSaved] })`,
      "src/events/order.ts": `import { defineEvent } from "carillon"
        export default defineEvent("order.placed", { resolve: ({ id }) => ({ id }) })`,
      "src/events/customer.ts": `import { defineEvent } from "carillon"
        export const customerSaved = defineEvent("customer.saved", {})
        export const all = [defineEvent("customer.deleted", {}), customerSaved]
        export const shops = 3`,
      "src/events/notes.ts": "export const notes = 1",
    })

    const { config, warnings } = await loadApp({ folder, mode: "dev" })

    const names = config.carillon.definitions?.map(({ name }) => name)
    expect(names?.toSorted()).toEqual(["customer.deleted", "customer.saved", "order.paid", "order.placed"])
    expect(warnings).toEqual([expect.stringMatching(/^src\/events\/notes\.ts: .*defineEvent/)])
  })

  it("may not define one event twice", async () => {
    const define = `import { defineEvent } from "carillon"\nexport default defineEvent("order.placed", {})`
    const folder = setup({ "src/events/a.ts": define, "src/events/b.ts": define })

    await expect(loadApp({ folder, mode: "dev" })).rejects.toMatchObject({
      code: "CARILLON_CONFIG",
      message: expect.stringMatching(/`order\.placed`, got two: src\/events\/a\.ts and src\/events\/b\.ts/),
    })
  })

  it("bring notifiers of the app's own, unless it sends no webhooks", async () => {
    const notifier = (key: string): string =>
      `export default { key: ${key}, notify: async () => ({ success: true, subscriptionId: "", responseData: "" }) }`
    const folder = setup({ "src/notifiers/sms.ts": notifier('"sms"') })

    const { config } = await loadApp({ folder, mode: "dev" })
    writeFileSync(join(folder, "src/notifiers/sms.ts"), notifier("7"))

    expect(config.carillon.webhooks).toMatchObject({ notifiers: [{ key: "sms" }] })
    await expect(loadApp({ folder, mode: "dev" })).rejects.toThrow(/src\/notifiers\/sms\.ts: .*`key`/)
    writeFileSync(join(folder, "carillon.config.ts"), "export default { webhooks: false }")
    expect((await loadApp({ folder, mode: "dev" })).config.carillon.webhooks).toBe(false)
  })
})
