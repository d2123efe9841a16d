import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
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
})
