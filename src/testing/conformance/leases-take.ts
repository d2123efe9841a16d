import { LEASE_MS } from "./shop.ts"
import type { Suite } from "./test-engine.ts"

export function testTake({ it, expect }: Suite): void {
  it("hands out open batches oldest first, with their events in order and the version that routed them", async (shop) => {
    const mail = await shop.subscribe("mail")
    const { version } = await shop.engine.queries.catalog()
    const first = await shop.emit({ events: shop.orders(3), batches: [shop.newBatch(mail, 3)] })
    await shop.subscribe("sync")
    const second = await shop.emit({ events: shop.orders(1), batches: [shop.newBatch(mail, 1)] })
    const worker = await shop.join()

    const taken = await shop.take(worker, [mail])

    expect(taken.map(({ no, epoch, takes, catalogVersion }) => [no, epoch, takes, catalogVersion])).toEqual([
      [first.batches[0]?.no, 1, 1, version],
      [second.batches[0]?.no, 1, 1, version + 1],
    ])
    expect(taken[0]).toMatchObject({ source: "batch", subscription: null, replay: 0, priority: 1 })
    expect(taken[0]?.events.map((event) => [event.index, event.data])).toEqual([
      [0, '{"id":"ord_1001"}'],
      [1, '{"id":"ord_1002"}'],
      [2, '{"id":"ord_1003"}'],
    ])
  })

  it("hands out as many batches as asked for, by the priorities in the order asked for, of one group", async (shop) => {
    const mail = await shop.subscribe("mail")
    const batches = [0, 1, 2].map((priority) => shop.newBatch(mail, 1, { priority }))
    await shop.emit({ events: shop.orders(1), batches })
    await shop.emit({ events: shop.orders(1), batches: [shop.newBatch(mail, 1, { group: "warehouse" })] })
    const worker = await shop.join()

    const taken = await shop.take(worker, [mail], { batches: 2, priorities: [2, 0, 1] })

    expect(taken.map((each) => each.priority)).toEqual([2, 0])
    expect((await shop.take(worker, [mail])).map((each) => each.priority)).toEqual([1])
    expect(await shop.take(worker, [mail])).toEqual([])
  })

  it("does not hand out what is born leased", async (shop) => {
    const mail = await shop.subscribe("mail")
    const worker = await shop.join()
    const sibling = await shop.join()
    await shop.emit({ events: shop.orders(1), batches: [shop.newBatch(mail, 1, { worker })] })

    expect(await shop.take(sibling, [mail])).toEqual([])
  })

  it("reaches a batch behind a thousand that belong to other handlers", async (shop) => {
    const [mail, sync] = [await shop.subscribe("mail"), await shop.subscribe("sync")]
    for (let i = 0; i < 10; i++) {
      const batches = Array.from({ length: 100 }, () => shop.newBatch(sync, 1))
      await shop.emit({ events: shop.orders(1), batches })
    }
    const { batches } = await shop.emit({ events: shop.orders(1), batches: [shop.newBatch(mail, 1)] })
    const worker = await shop.join()

    const seen: number[] = []
    for (let i = 0; i < 20 && !seen.includes(batches[0]?.no as number); i++) {
      seen.push(...(await shop.take(worker, [mail], { batches: 100 })).map((each) => each.no))
    }

    expect(seen.includes(batches[0]?.no as number)).toBe(true)
  })

  it("counts each take, so that a poisonous batch can be told", async (shop) => {
    const mail = await shop.subscribe("mail")
    await shop.emit({ events: shop.orders(1), batches: [shop.newBatch(mail, 1)] })

    for (let takes = 1; takes <= 3; takes++) {
      const worker = await shop.join()
      expect((await shop.take(worker, [mail])).map((each) => each.takes)).toEqual([takes])
      await shop.advance(LEASE_MS)
    }
  })

  it("hands out parts of the subscriptions that have room, with the events they point at", async (shop) => {
    const [mail, sync] = [await shop.subscribe("mail"), await shop.subscribe("sync")]
    const one = await shop.emit({ events: shop.orders(2) })
    const two = await shop.emit({ events: shop.orders(3) })
    const refs = [
      { commitId: two.commitId, index: 2 },
      { commitId: one.commitId, index: 1 },
      { commitId: two.commitId, index: 0 },
    ]
    await shop.emit({
      events: shop.orders(1),
      parts: [shop.newPart(mail, refs, { replay: 7, priority: 2 }), shop.newPart(sync, refs)],
    })
    const worker = await shop.join()

    const [part, ...rest] = await shop.take(worker, [], { slots: [[mail, 100]] })

    expect(rest).toEqual([])
    expect(part).toMatchObject({
      source: "part",
      subscription: mail,
      replay: 7,
      priority: 2,
      epoch: 1,
      takes: 1,
    })
    const found = part?.events.map(({ commitId, index }) => `${commitId} ${index}`).sort()
    expect(found).toEqual(refs.map(({ commitId, index }) => `${commitId} ${index}`).sort())
    expect(await shop.writeOne(shop.settleBatch(worker, part as never))).toEqual({ status: "ok" })
    expect(await shop.take(worker, [], { slots: [[mail, 100]] })).toEqual([])
  })

  it("hands out no more parts than there is room for, oldest first", async (shop) => {
    const mail = await shop.subscribe("mail")
    const { commitId } = await shop.emit({ events: shop.orders(100) })
    const refs = Array.from({ length: 100 }, (_, index) => ({ commitId, index }))
    const parts = Array.from({ length: 5 }, () => shop.newPart(mail, refs))
    await shop.emit({ events: shop.orders(1), parts })
    const worker = await shop.join()

    const first = await shop.take(worker, [], { slots: [[mail, 150]] })
    const second = await shop.take(worker, [], { slots: [[mail, 1_000]] })

    expect(first.length).toBe(2)
    expect(second.length).toBe(3)
    expect(first.concat(second).map((each) => each.no)).toEqual(
      first
        .concat(second)
        .map((each) => each.no)
        .toSorted((a, b) => a - b),
    )
    expect(await shop.take(worker, [], { slots: [[mail, 0]] })).toEqual([])
  })

  it("hands out each batch once when many ask at the same time", async (shop) => {
    const mail = await shop.subscribe("mail")
    for (let i = 0; i < 20; i++)
      await shop.emit({ events: shop.orders(1), batches: [shop.newBatch(mail, 1)] })
    const workers = await Promise.all(Array.from({ length: 8 }, () => shop.join()))

    const taken = await Promise.all(workers.map((worker) => shop.take(worker, [mail], { batches: 5 })))

    const nos = taken.flat().map((each) => each.no)
    expect([nos.length, new Set(nos).size]).toEqual([20, 20])
  })
}
