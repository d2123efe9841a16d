import { resolve } from "node:path"
import type { HandlerLogger } from "carillon"
import { type MovingClock, movingClock, webhookReceiver } from "carillon/testing"
import { expect, it, vi } from "vitest"
import { App } from "../../src/app/app.ts"
import { loadApp } from "../../src/app/load.ts"
import { appLogger } from "../../src/app/log.ts"
import { workflowRegistry } from "../../src/runs/registry.ts"
import { cleanUp } from "../support/app-process.ts"
import { describeEngines } from "../support/describe.ts"
import { placeOn } from "../support/place.ts"

vi.setConfig({ testTimeout: 60_000 }) // days of looking every ten minutes

const folder = resolve(import.meta.dirname, "../../examples/brands")
const QUIET = appLogger({ mode: "start", level: "silent" })

interface Brand {
  readonly id: string
  readonly name: string
}

interface Brands {
  listBrands(): Promise<readonly Brand[]>
}

await describeEngines((engine) => {
  async function setup() {
    const place = await placeOn(engine, "brands_job")
    cleanUp(() => place.remove())
    let brands: readonly Brand[] = [{ id: "brand_1", name: "Acme" }]
    let status = 200
    const cms = await webhookReceiver({ answer: () => ({ status, body: JSON.stringify(brands) }) })
    cleanUp(() => cms.close())
    vi.stubEnv("CMS_URL", cms.url)
    cleanUp(() => vi.unstubAllEnvs())
    workflowRegistry.clear()
    const loaded = await loadApp({ folder, database: place.database, mode: "start" })
    const clock = movingClock({ start: new Date("2026-03-01T12:00:00Z") })
    const said: string[] = []
    /** One process of the app, as far as the clock is concerned. */
    const start = async (): Promise<App> => {
      const carillon = { ...loaded.config.carillon, ...underClock(clock), logger: noting(said) }
      const config = { ...loaded.config, carillon }
      const app = await App.start({ ...loaded, config }, { logger: QUIET, mode: "start", answersHttp: false })
      cleanUp(() => app.stop())
      return app
    }
    const cmsHas = (...next: readonly Brand[]): void => {
      brands = next
    }
    const cmsIs = (next: number): void => {
      status = next
    }
    const asked = (): number => cms.requests.length
    /** What the job said when it was done for the nth time; then nothing of it goes on any more. */
    const synced = async (app: App, count: number): Promise<string | undefined> => {
      const line = await vi.waitFor(() => {
        const lines = said.filter((each) => each.startsWith("Synced brands"))
        expect(lines).toHaveLength(count)
        return lines.at(-1)
      }, EVENTUALLY)
      await app.carillon.drain()
      return line
    }
    return { start, clock, cmsHas, cmsIs, asked, synced, said }
  }

  const brandsOf = async ({ container }: App): Promise<readonly string[]> => {
    const brands: Brands = container.resolve("brand")
    return (await brands.listBrands()).map(({ id, name }) => `${id} ${name}`).sort()
  }

  it("creates and updates what the CMS has, once a day", async () => {
    const { start, clock, cmsHas, asked, synced } = await setup()
    const app = await start()

    await clock.advance("12h")
    expect(await synced(app, 1)).toContain("1 brands created and 0 brands updated")
    expect(await brandsOf(app)).toEqual(["brand_1 Acme"])

    cmsHas({ id: "brand_1", name: "Acme Ltd" }, { id: "brand_2", name: "Umbrella" })
    await clock.advance("23h")
    expect(asked()).toBe(1)
    await clock.advance("1h")

    expect(await synced(app, 2)).toContain("1 brands created and 1 brands updated")
    expect(await brandsOf(app)).toEqual(["brand_1 Acme Ltd", "brand_2 Umbrella"])
  })

  it("makes up once for the days on which nobody ran it", async () => {
    const { start, clock, asked, synced } = await setup()
    const first = await start()
    await first.stop()

    await clock.advance("3d")
    const second = await start()

    await synced(second, 1)
    await clock.advance("1h")
    expect(asked()).toBe(1)
    expect(await brandsOf(second)).toEqual(["brand_1 Acme"])
    await clock.advance("11h")
    await synced(second, 2)
  })

  it("runs it once a day where two processes could", async () => {
    const { start, clock, asked, synced } = await setup()
    const one = await start()
    const other = await start()

    await clock.advance("12h")
    await synced(one, 1)
    await clock.advance("24h")
    await synced(one, 2)

    await other.carillon.drain()
    const { items } = await one.carillon.workflows.list({ workflow: "job:sync-brands-from-system" })
    expect(items.map(({ state }) => state)).toEqual(["done", "done"])
    expect(asked()).toBe(2)
  })

  it("changes nothing on a day on which the CMS is down, says so, and goes on the day after", async () => {
    const { start, clock, cmsIs, synced, said } = await setup()
    const app = await start()
    cmsIs(503)

    await clock.advance("12h")
    const wrong = /Job sync-brands-from-system failed: The CMS answered 503/
    await vi.waitFor(() => expect(said.join("\n")).toMatch(wrong), EVENTUALLY)
    expect(await brandsOf(app)).toEqual([])
    const { items } = await app.carillon.workflows.list({ workflow: "sync-brands-from-cms" })
    expect(items.map(({ state, error }) => [state, error])).toEqual([["reverted", "The CMS answered 503"]])

    await app.carillon.drain()
    cmsIs(200)
    await clock.advance("24h")

    await synced(app, 1)
    expect(await brandsOf(app)).toEqual(["brand_1 Acme"])
  })
})

const EVENTUALLY = { timeout: 15_000, interval: 20 }

const DAY_MS = 24 * 60 * 60 * 1_000

/** A day of looking each second would take a test minutes; and no server keeps up with a lease in moved time. */
function underClock(clock: MovingClock) {
  return { clock, storeThread: "main", pollMs: 600_000, leaseMs: 20 * DAY_MS, graceMs: 1_000 } as const
}

/** A logger that keeps the texts of its lines. */
function noting(said: string[]): HandlerLogger {
  const note = (...parts: readonly unknown[]): void => {
    said.push(parts.filter((part) => typeof part === "string").join(" "))
  }
  return { debug: () => {}, info: note, warn: note, error: note }
}
