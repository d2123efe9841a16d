import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  commitIdFrom,
  commitIds,
  commitTime,
  deliveryId,
  deliveryPrefix,
  eventId,
  parseDeliveryId,
  parseEventId,
} from "./ids.ts"

const times = fc.integer({ min: 0, max: 2 ** 45 })

describe("commit ids", () => {
  it("ascend, also within one millisecond and when the clock goes back", () => {
    fc.assert(
      fc.property(fc.array(times, { minLength: 2, maxLength: 50 }), (clock) => {
        let at = 0
        const next = commitIds(() => clock[at++] as number, Math.random)
        const ids = clock.map(() => next())

        expect(ids).toEqual([...ids].sort())
        expect(new Set(ids).size).toBe(ids.length)
      }),
    )
  })

  it("tell when they were made", () => {
    fc.assert(
      fc.property(times, (time) => {
        const id = commitIds(
          () => time,
          () => 0.5,
        )()

        expect(id).toHaveLength(26)
        expect(commitTime(id)).toBe(time)
        expect(commitIdFrom(time) <= id).toBe(true)
        expect(commitIdFrom(time + 1) > id).toBe(true)
      }),
    )
  })

  it("carry over when the last digit of chance is the highest", () => {
    const next = commitIds(
      () => 1,
      () => 0.999999,
    )

    expect(next().endsWith("Z".repeat(16))).toBe(true)
    expect(next().endsWith("0".repeat(16))).toBe(true)
  })
})

describe("event and delivery ids", () => {
  const commitId = commitIds(
    () => 1_795_000_000_000,
    () => 0.25,
  )()

  it("can be taken apart again", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 32_767 }),
        fc.integer({ min: 1, max: 1e9 }),
        fc.nat(99),
        (index, no, replay) => {
          const delivery = deliveryId(commitId, index, no, replay)

          expect(parseEventId(eventId(commitId, index))).toEqual({ commitId, index })
          expect(parseDeliveryId(delivery)).toEqual({ commitId, index, subscription: no, replay })
          expect(delivery.startsWith(deliveryPrefix(commitId, index))).toBe(true)
        },
      ),
    )
  })

  it("are not mistaken for ids of a caller's", () => {
    expect(parseEventId("ord_1001")).toBeNull()
    expect(parseEventId(`${eventId(commitId, 1)}0`)).toBeNull()
    expect(parseDeliveryId(eventId(commitId, 1))).toBeNull()
  })
})
