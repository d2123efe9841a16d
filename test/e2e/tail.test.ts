import { type Carillon, createCarillon, type TailEntry, type TailOptions } from "carillon"
import { afterEach, beforeEach, expect, it } from "vitest"
import { commitIdFrom, commitTime } from "../../src/core/ids.ts"
import { describeEngines } from "../support/describe.ts"
import { type Place, placeOn } from "../support/place.ts"

const acme = { scopes: ["acme/master"] }

await describeEngines((engine) => {
  let place: Place
  let carillon: Carillon
  const ends = new AbortController()

  beforeEach(async () => {
    place = await placeOn(engine, "tail")
    carillon = await createCarillon({ database: place.database, logger: false, group: "shop", pollMs: 50 })
  })
  afterEach(async () => {
    await carillon.stop()
    await place.remove()
  })

  const order = (id: string, scope = "acme/master") => ({ name: "order.placed", id, scope })

  /** What it tells until something is told that was waited for. */
  async function told(options: TailOptions, isLast: (entry: TailEntry) => boolean): Promise<TailEntry[]> {
    const entries: TailEntry[] = []
    for await (const entry of carillon.tail({ ...options, signal: ends.signal })) {
      entries.push(entry)
      if (isLast(entry)) return entries
    }
    return entries
  }

  const isEvent = (id: string) => (entry: TailEntry) => entry.kind === "event" && entry.event.id === id
  const eventIds = (entries: readonly TailEntry[]): string[] =>
    entries.flatMap((entry) => (entry.kind === "event" ? [entry.event.id] : []))
  /** As if it had been written a minute ago: what is older than a tail looks back is told once. */
  const aMinuteAgo = async (): Promise<void> => {
    for (const table of ["events", "commits", "commit_names", "event_ids", "batches"]) {
      const name = place.table(table)
      for (const { commit_id: id } of await place.sql(`SELECT DISTINCT commit_id FROM ${name}`)) {
        const earlier =
          commitIdFrom(commitTime(id as string) - 60_000).slice(0, 10) + (id as string).slice(10)
        await place.sql(`UPDATE ${name} SET commit_id = '${earlier}' WHERE commit_id = '${id}'`)
      }
    }
  }

  it("tells of the events of some scopes, and of their outcomes, as if there were no other", async () => {
    carillon.events.subscribe("order.placed", () => {}, { subscriberId: "stock" })
    const since = Date.now() - 1_000
    await carillon.emit([order("ord_1"), order("ord_1", "globex"), order("ord_2", "globex"), order("ord_3")])
    const delivered = new Set<string>()
    const following = told({ ...acme, since }, (entry) => {
      if (entry.kind === "outcome" && entry.delivery.state === "delivered")
        delivered.add(entry.delivery.eventId)
      return delivered.size === 2
    })
    await carillon.start()

    const entries = await following

    expect(eventIds(entries)).toEqual(["ord_1", "ord_3"])
    expect(entries.flatMap((each) => (each.kind === "event" ? [each.event.scope.account] : []))).toEqual([
      "acme",
      "acme",
    ])
    expect(entries.at(-1)).toMatchObject({ kind: "outcome", delivery: { together: null } })
  })

  it("goes on after any entry, and misses nothing that was written meanwhile", async () => {
    const since = Date.now() - 1_000
    for (const id of ["ord_1", "ord_2", "ord_3"]) await carillon.emit([order(id), order(id, "globex")])
    const first = await told({ ...acme, since }, isEvent("ord_3"))
    await carillon.emit([order("ord_4", "globex"), order("ord_4")])

    for (const [i, { position }] of first.entries()) {
      const later = eventIds(await told({ ...acme, after: position, since: 0 }, isEvent("ord_4")))
      const missed = ["ord_1", "ord_2", "ord_3", "ord_4"].slice(i + 1).filter((id) => !later.includes(id))
      expect(missed).toEqual([])
      expect(new Set(later).size).toBe(later.length)
    }
  })

  it("tells once what is older than what may come late, from the very next event on", async () => {
    for (const id of ["ord_1", "ord_2"]) await carillon.emit([order(id, "globex"), order(id)])
    await carillon.emit([order("ord_3"), order("ord_4"), order("ord_5", "globex")])
    await aMinuteAgo()
    const first = await told({ ...acme, since: 0 }, isEvent("ord_4"))
    expect(eventIds(first)).toEqual(["ord_1", "ord_2", "ord_3", "ord_4"])
    await carillon.emit(order("ord_6"))

    for (const [i, { position }] of first.entries()) {
      const later = await told({ ...acme, after: position }, isEvent("ord_6"))
      expect(eventIds(later)).toEqual([...eventIds(first).slice(i + 1), "ord_6"])
    }
  })

  it("tells what became meanwhile of events that it told of before", async () => {
    carillon.events.subscribe("order.placed", () => {}, { subscriberId: "stock" })
    await carillon.emit([order("ord_1"), order("ord_1", "globex")])
    await aMinuteAgo()
    const [waiting] = await told({ ...acme, since: 0 }, isEvent("ord_1"))
    expect(waiting).toMatchObject({ deliveries: [{ state: "waiting" }] })
    await carillon.start()
    await carillon.drain()

    const later = await told({ ...acme, after: waiting?.position }, ({ kind }) => kind === "outcome")

    expect(later).toMatchObject([{ kind: "outcome", delivery: { eventId: "ord_1", state: "delivered" } }])
  })

  it("shows nobody an event by a position that was not their own", async () => {
    carillon.events.subscribe("order.placed", () => {}, { subscriberId: "stock" })
    await carillon.emit([order("ord_1", "globex")])
    await aMinuteAgo()
    const [theirs] = await told({ scopes: ["globex"], since: 0 }, isEvent("ord_1"))
    await carillon.emit(order("ord_2"))

    const own = await told({ ...acme, after: theirs?.position }, isEvent("ord_2"))

    expect(own).toHaveLength(1)
  })

  it("refuses a position that no tail has told", () => {
    expect(() => carillon.tail({ after: "yesterday" })).toThrow(/`position` of an entry of a tail/)
  })
})
