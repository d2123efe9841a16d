import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { EventRow } from "../core/event.ts"
import { commitIdFrom } from "../core/ids.ts"
import { resolvePolicy } from "../core/policy.ts"
import type { SubscriptionVersion } from "../core/subscription.ts"
import type { EventQuery, Page, QueriesPort } from "../engine/queries.ts"
import { eventsWithin, visibleOf } from "./within.ts"

const ACME = "acme/master"
const ROWS_PER_LOOK = 3

/** Two commits a millisecond; of each event only its scope matters. */
function eventsOf(scopes: readonly string[]): EventRow[] {
  return scopes.map((scope, i) => {
    const commitId = `${commitIdFrom(1_000 + Math.floor(i / 4)).slice(0, -1)}${Math.floor(i / 2) % 2 === 0 ? "A" : "B"}`
    const rest = { sender: null, key: null, at: 0, data: null, extra: null, id: null, hash: null }
    return { name: "order.placed", scope, ...rest, commitId, index: i % 2 }
  })
}

/** As engines look: a page ends after some rows, and its cursor is the last that was looked at. */
function storeOf(rows: readonly EventRow[]) {
  let looks = 0
  const newestFirst = rows.toReversed()
  const events = async ({ scopes, cursor, limit }: EventQuery): Promise<Page<EventRow>> => {
    looks++
    const [commitId = "~", index = "0"] = cursor?.split(".") ?? []
    const left = newestFirst.filter(
      (row) => row.commitId < commitId || (row.commitId === commitId && row.index < Number(index)),
    )
    const seen: EventRow[] = []
    const items: EventRow[] = []
    for (const row of left.slice(0, ROWS_PER_LOOK)) {
      seen.push(row)
      if (scopes?.includes(row.scope)) items.push(row)
      if (items.length === limit) break
    }
    const last = seen.at(-1)
    return { items, cursor: seen.length < left.length && last ? `${last.commitId}.${last.index}` : null }
  }
  return { queries: { events } as unknown as QueriesPort, looks: () => looks }
}

async function allPages(queries: QueriesPort, limit: number, mostLooks: number) {
  const items: EventRow[] = []
  const cursors: string[] = []
  for (let cursor: string | undefined, pages = 0; pages < 1_000; pages++) {
    const page = await eventsWithin(queries, { scopes: [ACME], cursor, limit }, mostLooks)
    if (page.items.length > limit) throw new Error("Expected no page to be longer than its limit.")
    items.push(...page.items)
    if (page.cursor === null) return { items, cursors }
    cursors.push(page.cursor)
    cursor = page.cursor
  }
  throw new Error("Expected the pages to end.")
}

const place = ({ commitId, index }: EventRow): string => `${commitId}.${index}`

describe("events of some scopes", () => {
  it("come each once, newest first, and no cursor names an event of another scope", async () => {
    const scopes = fc.array(fc.constantFrom(ACME, "globex/master"), { maxLength: 60 })
    const sizes = { limit: fc.integer({ min: 1, max: 5 }), looks: fc.integer({ min: 1, max: 4 }) }

    await fc.assert(
      fc.asyncProperty(scopes, fc.record(sizes), async (of, { limit, looks }) => {
        const rows = eventsOf(of)
        const { items, cursors } = await allPages(storeOf(rows).queries, limit, looks)

        const own = rows.filter((row) => row.scope === ACME).toReversed()
        const foreign = rows.filter((row) => row.scope !== ACME).map(place)
        expect(items).toEqual(own)
        expect(cursors.filter((each) => foreign.includes(each))).toEqual([])
      }),
    )
  })

  it("take a bounded look at those of others, however many these are", async () => {
    const { queries, looks } = storeOf(eventsOf(new Array(4_000).fill("globex/master")))

    const page = await eventsWithin(queries, { scopes: [ACME], limit: 10 })

    expect(page.items).toEqual([])
    expect(page.cursor).not.toBe(null)
    expect(looks()).toBeLessThan(30)
  })

  it("are none without a look where no scope is allowed", async () => {
    const { queries, looks } = storeOf(eventsOf([ACME]))

    expect(await eventsWithin(queries, { scopes: [], limit: 10 })).toEqual({ items: [], cursor: null })
    expect(looks()).toBe(0)
  })
})

function version(no: number, scope: string | null, fromVersion = 1): SubscriptionVersion {
  const target = { kind: "handler" } as const
  const definition = {
    pattern: "order.*",
    filter: null,
    sender: null,
    scope,
    target,
    policy: resolvePolicy(),
    paused: false,
  }
  return {
    no,
    id: `stock-${no}@order.*`,
    group: "shop",
    ephemeral: false,
    fromVersion,
    toVersion: null,
    definition,
  }
}

it("subscriptions of a scope and of all are visible there, and none that was another's before", () => {
  const versions = [
    version(1, null),
    version(2, ACME),
    version(3, "globex/master"),
    version(4, "globex/master"),
    version(4, ACME, 2),
  ]
  const seen = (scopes: "all" | string[]) => visibleOf(versions, scopes).map((each) => each.no)

  expect(seen([ACME])).toEqual([1, 2])
  expect(seen([])).toEqual([1])
  expect(seen("all")).toEqual([1, 2, 3, 4, 4])
})
