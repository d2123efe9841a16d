import { describe, expect, it } from "vitest"
import type { Listing } from "../bus/listing.ts"
import type { StandingShape } from "../bus/workflow-report.ts"
import type { Change } from "../engine/commit.ts"
import type { Committer } from "../worker/committer.ts"
import { AnnouncedStarts } from "./announced-start.ts"

const terms = { timeout: 60, retentionTime: null, idempotent: false }

function shape(no: number, over: Partial<StandingShape> = {}): StandingShape {
  const hash = `h${no}`
  const target = { kind: "workflow", workflow: "ship", hash, terms } as const
  return { no, id: `workflow:ship#${hash}`, group: "shop", paused: false, target, isKnown: true, ...over }
}

function setup(...shapes: StandingShape[]) {
  const written: Change[] = []
  const starts = new AnnouncedStarts({
    listing: { shapesOf: async () => shapes } as unknown as Listing,
    committer: {
      write: async (change: Change) => {
        written.push(change)
        return { status: "ok", run: { id: "run_7", isNew: true } }
      },
    } as unknown as Committer,
    clock: { now: () => 1_000 } as never,
    group: "serve",
    newId: () => "1",
  })
  return { starts, written }
}

describe("a workflow whose code is elsewhere", () => {
  it("begins in the newest shape that a live worker knows, else in the newest", async () => {
    const { starts } = setup(shape(1), shape(2), shape(3, { isKnown: false }))
    const orphaned = setup(shape(1, { isKnown: false }), shape(2, { isKnown: false }))

    expect((await starts.find("ship", undefined)).shape.no).toBe(2)
    expect((await orphaned.starts.find("ship", undefined)).shape.no).toBe(2)
  })

  it("is that of the own group, else of the only one, else the one that is named", async () => {
    const own = setup(shape(1), shape(2, { group: "serve" }), shape(3, { group: "till" }))
    const others = setup(shape(1), shape(3, { group: "till" }))

    expect((await own.starts.find("ship", undefined)).shape.group).toBe("serve")
    expect((await others.starts.find("ship", "till")).shape.group).toBe("till")
    expect((await setup(shape(1)).starts.find("ship", undefined)).shape.group).toBe("shop")
    await expect(others.starts.find("ship", undefined)).rejects.toThrow("several have: `shop`, `till`")
  })

  it("is not there where nobody has announced it, and waits for a newer worker without its terms", async () => {
    const old = shape(1, { target: { kind: "workflow", workflow: "ship", hash: "h1" } })

    await expect(setup().starts.find("ship", undefined)).rejects.toMatchObject({ code: "CARILLON_NOT_FOUND" })
    await expect(setup(shape(1)).starts.find("ship", "till")).rejects.toThrow("of group `till`")
    await expect(setup(old).starts.find("ship", undefined)).rejects.toMatchObject({
      code: "CARILLON_UNSUPPORTED",
    })
  })

  it("has its run written for the workers of its group, which take it", async () => {
    const { starts, written } = setup(shape(2))
    const wish = { scope: "", transactionId: "ord_1001", input: null, context: {} as never, parent: null }

    const started = await starts.start(await starts.find("ship", undefined), { ...wish, join: "live" })

    expect(started).toMatchObject({ id: "run_7", isNew: true })
    expect(written).toMatchObject([
      { kind: "start-run", worker: null, run: { group: "shop", subscription: 2, hash: "h2", dueAt: 1_000 } },
    ])
  })
})
