import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterEach, describe, expect, it, vi } from "vitest"
import { type Carillon, type CarillonOptions, createCarillon } from "../../src/index.ts"

const opened: Carillon[] = []
const folders: string[] = []

async function setup(options: CarillonOptions = {}) {
  const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }
  const carillon = await createCarillon({ database: ":memory:", group: "shop", logger, ...options })
  opened.push(carillon)
  return { carillon, logger }
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "carillon-lifecycle-"))
  folders.push(path)
  return path
}

afterEach(async () => {
  for (const carillon of opened.splice(0)) await carillon.stop().catch(() => {})
  for (const path of folders.splice(0)) rmSync(path, { recursive: true, force: true })
})

describe("a Carillon", () => {
  it("starts once, however often it is asked, and not again after it was stopped", async () => {
    const { carillon } = await setup()

    await Promise.all([carillon.start(), carillon.start()])
    await Promise.all([carillon.stop(), carillon.stop()])

    await expect(carillon.start()).rejects.toMatchObject({ code: "CARILLON_STOPPED" })
    await expect(carillon.events.emit({ name: "order.placed" })).rejects.toMatchObject({
      code: "CARILLON_STOPPED",
    })
  })

  it("tells its logger of each attempt that failed, and of each dead letter", async () => {
    const { carillon, logger } = await setup()
    const policy = { retries: 1, initialBackoffDelay: 0 }
    const refuse = async () => {
      throw new Error("The CMS answered 503")
    }
    carillon.events.subscribe("brand.created", refuse, { subscriberId: "sync-cms", policy })
    await carillon.start()

    await carillon.events.emit({ name: "brand.created" })
    await carillon.drain()

    expect(logger.warn.mock.calls[0]?.[1]).toMatch(
      /^sync-cms failed on brand.created .*attempt 1: The CMS answered 503/,
    )
    expect(logger.error.mock.calls[0]?.[1]).toMatch(/attempt 2: The CMS answered 503. It is a dead letter/)
  })

  it("refuses to be drained by a handler, which would wait for itself", async () => {
    const { carillon, logger } = await setup()
    const drain = () => carillon.drain()
    carillon.events.subscribe("order.placed", drain, { subscriberId: "drains", policy: { retries: 0 } })
    await carillon.start()

    await carillon.events.emit({ name: "order.placed" })
    await carillon.drain()

    expect(logger.error.mock.calls[0]?.[1]).toContain("outside of handlers")
  })

  it("begins no handler any more once it is taken off, and loses nothing of what waited for it", async () => {
    const { carillon } = await setup()
    let begun = 0
    let ended = 0
    const count = async () => {
      begun++
      await sleep(5)
      ended++
    }
    const subscribe = () =>
      carillon.events.subscribe("order.placed", count, { subscriberId: "mail", policy: { concurrency: 2 } })
    subscribe()
    await carillon.start()

    await carillon.events.emit(Array.from({ length: 200 }, (_, i) => ({ name: "order.placed", data: { i } })))
    carillon.events.unsubscribe("order.placed", count)
    await carillon.events.emit({ name: "order.cancelled" })
    const atOnce = begun
    await vi.waitFor(() => expect(ended).toBe(atOnce)) // slots are free, and nothing takes them
    await carillon.drain()
    expect(begun).toBe(atOnce)
    expect(begun).toBeLessThan(200)
    subscribe()
    await carillon.events.emit({ name: "order.cancelled" })
    await carillon.drain()

    expect(begun).toBe(200)
  })

  it("goes through a backlog of slow work as slots get free, without waiting for its poll", async () => {
    const { carillon } = await setup({ pollMs: 60_000 })
    let handled = 0
    const work = async () => {
      await sleep(3)
      handled++
    }
    carillon.events.subscribe("order.placed", work, { subscriberId: "stock", policy: { concurrency: 2 } })
    await carillon.start()

    await carillon.events.emit(Array.from({ length: 600 }, (_, i) => ({ name: "order.placed", data: { i } })))

    await vi.waitFor(() => expect(handled).toBe(600), { timeout: 15_000 })
  })

  it("acknowledges nothing more when its file was taken away", async () => {
    const path = join(folder(), "shop.db")
    const { carillon } = await setup({ database: path })
    await carillon.start()
    await carillon.events.emit({ name: "order.placed" })

    for (const end of ["", "-wal", "-shm"]) rmSync(path + end, { force: true })
    const refused = vi.waitFor(
      async () => {
        await expect(carillon.events.emit({ name: "order.placed" })).rejects.toMatchObject({
          code: "CARILLON_STORE",
        })
      },
      { timeout: 10_000, interval: 100 },
    )

    await refused
  })
})
