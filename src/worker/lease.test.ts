import { describe, expect, it, vi } from "vitest"
import type { Engine } from "../engine/engine.ts"
import { movingClock } from "../testing/moving-clock.ts"
import { Lease } from "./lease.ts"

const GLANCE = { work: false, released: false, nextDueAt: null, catalogVersion: null }
const beaten = (alive: boolean) => ({ alive, freed: 0, glance: GLANCE })

function setup() {
  const clock = movingClock()
  const leases = {
    join: vi.fn(async () => ({ worker: leases.join.mock.calls.length })),
    heartbeat: vi.fn(async () => beaten(true)),
    leave: vi.fn(async () => {}),
  }
  const calls = { onLost: vi.fn(), onHeld: vi.fn(), onFreed: vi.fn(), onError: vi.fn() }
  const news = { onBeat: vi.fn(), onGlance: vi.fn(), onAnswered: vi.fn() }
  const lease = new Lease({
    engine: { leases } as unknown as Engine,
    clock,
    group: "shop",
    leaseMs: 15_000,
    heartbeatMs: 5_000,
    handles: () => [1],
    ...calls,
    ...news,
  })
  return { clock, leases, lease, ...calls, ...news }
}

describe("Lease", () => {
  it("is held while heartbeats are written", async () => {
    const { clock, lease, leases } = setup()
    await lease.join()

    await clock.advance("60s")

    expect(lease.isHeld).toBe(true)
    expect(leases.heartbeat).toHaveBeenCalledTimes(12)
  })

  it("is doubted once no heartbeat was written for its length, and held again after one", async () => {
    const { clock, lease, leases, onHeld, onLost } = setup()
    await lease.join()
    leases.heartbeat.mockRejectedValue(new Error("the file is locked"))

    await clock.advance("15s")
    expect(lease.isHeld).toBe(false)
    leases.heartbeat.mockResolvedValue(beaten(true))
    await clock.advance("5s")

    expect(lease.isHeld).toBe(true)
    expect(onHeld).toHaveBeenCalledOnce()
    expect(onLost).not.toHaveBeenCalled()
  })

  it("is not cut short by the answer to an older heartbeat that comes after a newer one's", async () => {
    const { clock, lease, leases } = setup()
    await lease.join()
    const late = Promise.withResolvers<ReturnType<typeof beaten>>()
    leases.heartbeat.mockReturnValueOnce(late.promise)
    await clock.advance("30s")
    await lease.beat()

    late.resolve(beaten(true))
    await clock.settle()

    expect(lease.isHeld).toBe(true)
  })

  it("joins again under another number when it was taken away", async () => {
    const { clock, lease, leases, onLost } = setup()
    await lease.join()
    leases.heartbeat.mockResolvedValueOnce(beaten(false))

    await clock.advance("5s")

    expect(onLost).toHaveBeenCalledOnce()
    expect(lease.worker).toBe(2)
    expect(lease.isHeld).toBe(true)
  })

  it("asks again for as long as the store refuses to let it join", async () => {
    const { clock, lease, leases } = setup()
    await lease.join()
    leases.heartbeat.mockResolvedValueOnce(beaten(false))
    leases.join.mockRejectedValueOnce(new Error("the file is locked"))

    await clock.advance("5s")
    expect(lease.worker).toBeNull()
    await clock.advance("5s")

    expect(lease.isHeld).toBe(true)
  })

  it("counts from before the heartbeat was sent, so that the store never thinks it over first", async () => {
    const { clock, lease, leases } = setup()
    await lease.join()
    let answer = (): void => {}
    leases.heartbeat.mockImplementationOnce(
      () =>
        new Promise((resolve) => {
          answer = () => resolve(beaten(true))
        }),
    )

    await clock.advance("14s")
    leases.heartbeat.mockRejectedValue(new Error("the file is locked"))
    answer()
    await clock.advance(5_999)
    expect(lease.isHeld).toBe(true)
    await clock.advance(1)

    expect(lease.isHeld).toBe(false)
  })

  it("says when the next heartbeat is due, and nothing of one that is on its way", async () => {
    const { clock, lease, leases } = setup()
    await lease.join()
    leases.heartbeat.mockImplementationOnce(() => new Promise(() => {}))

    await clock.advance("4s")
    expect(lease.untilBeatMs).toBe(1_000)
    await clock.advance("2s")

    expect(lease.untilBeatMs).toBe(Number.POSITIVE_INFINITY)
  })

  it("tells what each heartbeat saw, and tries again soon after one that failed", async () => {
    const { clock, lease, leases, onGlance, onError } = setup()
    await lease.join()
    leases.heartbeat.mockRejectedValueOnce(new Error("the server is away"))

    await clock.advance("5s")
    expect([onError.mock.calls.length, onGlance.mock.calls.length]).toEqual([1, 0])
    await clock.advance("1s")

    expect(onGlance.mock.calls).toEqual([[GLANCE]])
  })
})
