import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { HandlerEntry, Pool } from "./handlers.ts"
import { slotsOf } from "./slots.ts"

const asked = fc.record({
  rooms: fc.array(fc.tuple(fc.integer({ min: 1, max: 200 }), fc.integer({ min: -1, max: 2 })), {
    maxLength: 60,
  }),
  pools: fc.tuple(fc.nat(300), fc.nat(300), fc.nat(300)),
  room: fc.integer({ min: 60, max: 1_000 }),
  oneOfEach: fc.boolean(),
})

/** Each with so much room of its own, and one of the pools; -1 = none. */
function handlersOf(rooms: readonly (readonly [room: number, pool: number])[], pools: readonly Pool[]) {
  return rooms.map(([room, pool], i) => {
    const gate = pool === -1 ? null : { pool: pools[pool] }
    return { no: i + 1, room, gate } as unknown as HandlerEntry
  })
}

describe("slotsOf", () => {
  it("asks for no more than each and each pool has room for", () => {
    fc.assert(
      fc.property(asked, ({ rooms, pools: sizes, room, oneOfEach }) => {
        const pools = sizes.map((size) => ({ room: size }))

        const slots = slotsOf(handlersOf(rooms, pools), { room, oneOfEach })

        for (const [no, free] of slots) expect(free).toBeLessThanOrEqual(rooms[no - 1]?.[0] ?? 0)
        for (const [pool, { room: most }] of pools.entries()) {
          const inPool = slots.filter(([no]) => rooms[no - 1]?.[1] === pool)
          expect(inPool.reduce((sum, [, free]) => sum + free, 0)).toBeLessThanOrEqual(most)
        }
      }),
    )
  })

  it("leaves nobody out where one of each is wanted and there is room for that", () => {
    fc.assert(
      fc.property(asked, ({ rooms, room }) => {
        const pools = [{ room: rooms.length }, { room: rooms.length }, { room: rooms.length }]

        const slots = slotsOf(handlersOf(rooms, pools), { room, oneOfEach: true })

        expect(slots.map(([no]) => no)).toEqual(rooms.map((_, i) => i + 1))
      }),
    )
  })
})
