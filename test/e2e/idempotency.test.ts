import { type Carillon, createCarillon, type EventInput } from "carillon"
import fc from "fast-check"
import { afterEach, beforeEach, expect, it } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { type Place, placeOn } from "../support/place.ts"

const placed: EventInput = { name: "order.placed", data: { id: "ord_1001", total: 40 } }
const paid: EventInput = { name: "order.paid", data: { id: "ord_1001" } }
const key = { idempotencyKey: "checkout-7" }
const CONFLICT = { code: "CARILLON_ID_CONFLICT" }

await describeEngines((engine) => {
  let place: Place
  let carillon: Carillon

  beforeEach(async () => {
    place = await placeOn(engine, "idempotency")
    carillon = await open()
  })
  afterEach(async () => {
    await carillon.stop()
    await place.remove()
  })

  const open = () => createCarillon({ database: place.database, logger: false, group: "shop" })
  const kept = async (): Promise<unknown[]> =>
    (await carillon.listEvents()).items.map((each) => each.data).toReversed()

  it("makes a call that is tried again the same events, also by another process", async () => {
    const first = await carillon.emit([placed, paid], key)
    await carillon.stop()
    carillon = await open()

    const again = await carillon.emit([placed, paid], key)

    expect(first.map((each) => each.existing)).toEqual([false, false])
    expect(again).toEqual(first.map(({ id }) => ({ id, existing: true })))
    expect(first.every(({ id }) => /^idk_[\w-]{43}$/.test(id))).toBe(true)
    expect(await kept()).toEqual([placed.data, paid.data])
  })

  it("refuses another call under the same key, and writes nothing of it", async () => {
    await carillon.emit([placed, paid], key)

    for (const other of [[paid, placed], [placed], [placed, paid, paid], [{ ...placed, id: "own" }, paid]])
      await expect(carillon.emit(other, key)).rejects.toMatchObject({
        ...CONFLICT,
        message: expect.stringMatching(/idempotencyKey/),
      })

    expect(await kept()).toHaveLength(2)
  })

  it("keeps the keys of scopes apart", async () => {
    const calls = ["acme", "globex"].map((scope) => carillon.emit(placed, { ...key, scope }))

    const receipts = (await Promise.all(calls)).flat()

    expect(receipts.map((each) => each.existing)).toEqual([false, false])
    expect(new Set(receipts.map((each) => each.id)).size).toBe(2)
  })

  it("writes one event where the same call is made many times at once", async () => {
    const calls = await Promise.all(Array.from({ length: 10 }, () => carillon.emit(placed, key)))

    expect(calls.flat().filter((each) => !each.existing)).toHaveLength(1)
    expect(await kept()).toHaveLength(1)
  })

  it("holds for what is staged as well, and after its release", async () => {
    const staged = [placed, paid].map((each) => ({ ...each, metadata: { eventGroupId: "checkout" } }))
    await carillon.emit(staged, key)

    const again = await carillon.emit(staged, key)
    await expect(carillon.emit([placed, paid], key)).rejects.toMatchObject(CONFLICT)
    await carillon.events.releaseGroupedEvents("checkout")
    const late = await carillon.emit(staged, key)

    expect([...again, ...late].every((each) => each.existing)).toBe(true)
    expect(await kept()).toHaveLength(2)
  })

  it("is refused where it could not hold: over several event groups, in a transaction, for one event of many", async () => {
    const grouped = { ...paid, metadata: { eventGroupId: "checkout" } }
    const refused = [
      [carillon.emit([placed, grouped], key), /one event group/],
      [carillon.emit(placed, { ...key, tx: {} }), /`tx` or with `idempotencyKey`/],
      [carillon.emit({ ...placed, options: key }), /among the options of `emit`/],
      [carillon.emit(placed, { idempotencyKey: "" }), /`idempotencyKey` to be a string/],
      [carillon.emit(placed, { idempotencyKey: 7 as never }), /`idempotencyKey` to be a string/],
    ] as const

    for (const [emitted, message] of refused)
      await expect(emitted).rejects.toMatchObject({
        code: "CARILLON_INVALID_INPUT",
        message: expect.stringMatching(message),
      })
    expect(await kept()).toEqual([])
  })

  it("leaves one event each, however often and in whichever mix calls are tried again", async () => {
    const input = fc.record({
      name: fc.constantFrom("order.placed", "order.paid"),
      data: fc.record({ total: fc.nat(3) }),
      scope: fc.constantFrom("acme", "globex"),
    })
    const calls = fc.array(fc.array(input, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 })
    const tries = fc.array(fc.array(fc.nat(3), { maxLength: 6 }), { minLength: 1, maxLength: 4 })
    let round = 0

    await fc.assert(
      fc.asyncProperty(calls, tries, async (inputs, waves) => {
        const of = `round-${++round}`
        const receipts = new Map<string, number>()
        for (const wave of [...waves, [0, 1, 2, 3]]) {
          const emitted = wave.map((each) => {
            const call = each % inputs.length
            return carillon.emit(inputs[call] as EventInput[], { idempotencyKey: `${of}-${call}` })
          })
          for (const { id, existing } of (await Promise.all(emitted)).flat())
            receipts.set(id, (receipts.get(id) ?? 0) + (existing ? 0 : 1))
        }
        expect(receipts.size).toBe(inputs.flat().length)
        expect([...receipts.values()].every((written) => written === 1)).toBe(true)
      }),
      { numRuns: 25 },
    )
  })
})
