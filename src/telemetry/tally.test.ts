import { describe, expect, it } from "vitest"
import { histogramOf } from "./sample.ts"
import { Tallies, Tally } from "./tally.ts"

describe("Tally", () => {
  it("counts what is at a bound below it, and what is above all in the last place", () => {
    const tally = new Tally([1, 10])

    for (const value of [0, 1, 1.5, 10, 11]) tally.add(value)

    expect([[...tally.counts], tally.sum]).toEqual([[2, 2, 1], 23.5])
  })

  it("is read as a histogram, whose buckets hold all that is below", () => {
    const tally = new Tally([1, 10])
    for (const value of [0, 5, 100]) tally.add(value)

    const samples = histogramOf("attempt_seconds", tally, { labels: { group: "shop" }, scale: 0.1 })

    expect(samples).toEqual([
      { metricName: "attempt_seconds_bucket", labels: { group: "shop", le: "0.1" }, value: 1 },
      { metricName: "attempt_seconds_bucket", labels: { group: "shop", le: "1" }, value: 2 },
      { metricName: "attempt_seconds_bucket", labels: { group: "shop", le: "+Inf" }, value: 3 },
      { metricName: "attempt_seconds_sum", labels: { group: "shop" }, value: 10.5 },
      { metricName: "attempt_seconds_count", labels: { group: "shop" }, value: 3 },
    ])
  })
})

describe("Tallies", () => {
  it("goes on with the same numbers where a subscription is handled again", () => {
    const tallies = new Tallies()
    tallies.ofSubscription("mail@order.placed", false).delivered = 3

    expect(tallies.ofSubscription("mail@order.placed", false).delivered).toBe(3)
  })

  it("counts all ephemeral subscriptions as one, and so whatever is one too many", () => {
    const tallies = new Tallies()

    for (let i = 0; i < 2_000; i++) {
      tallies.ofSubscription(`ephemeral-${i}@order.placed`, true).delivered++
      tallies.ofWorkflow(`order-${i}`).runs.done++
    }

    expect([...tallies.subscriptions].map(([name, { delivered }]) => [name, delivered])).toEqual([
      ["ephemeral", 2_000],
    ])
    expect([tallies.workflows.size, tallies.workflows.get("other")?.runs.done]).toEqual([1_001, 1_000])
  })
})
