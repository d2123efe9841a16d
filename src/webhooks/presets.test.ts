import { describe, expect, it } from "vitest"
import { webhookPolicy } from "./presets.ts"

const sum = (delays: readonly number[] | null): number => (delays ?? []).reduce((all, each) => all + each, 0)

describe("a webhook's policy", () => {
  it("is by default ten attempts in 75 hours and 35 minutes, as Standard Webhooks recommends", () => {
    const { delays, retries, timeout, concurrency } = webhookPolicy(undefined)

    expect([retries, timeout, concurrency]).toEqual([9, 15_000, 10])
    expect(sum(delays)).toBe((75 * 60 + 35) * 60_000 + 5_000)
  })

  it("is by the preset `magento` what its module does: six attempts in 55 seconds, without chance", () => {
    const { delays, retries, jitter, timeout } = webhookPolicy("magento")

    expect([sum(delays), retries, jitter, timeout]).toEqual([55_000, 5, 0, 15_000])
  })

  it("takes what it does not say from the one before, and a preset whole", () => {
    const before = webhookPolicy({ retries: 2, concurrency: 3 })

    expect(before).toMatchObject({ retries: 2, delays: null, concurrency: 3, timeout: 15_000 })
    expect(webhookPolicy({ timeout: 5_000 }, before)).toMatchObject({ retries: 2, concurrency: 3 })
    expect(webhookPolicy("magento", before)).toMatchObject({ retries: 5, concurrency: 10 })
  })

  it("holds no slot for longer than a minute, and is in nobody's transaction", () => {
    expect(webhookPolicy({ timeout: 60_000 })).toMatchObject({ timeout: 60_000, maximumTimeout: 60_000 })
    for (const wrong of [{ timeout: 60_001 }, { maximumTimeout: 60_001 }, { transactional: true }])
      expect(() => webhookPolicy(wrong)).toThrow(/webhook/)
    for (const wrong of ["mutli-day", "toString", ""]) expect(() => webhookPolicy(wrong as never)).toThrow()
  })
})
