import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Allotment, type Party, type Standing } from "./allotment.ts"

/** Starts as many as may be started. */
function fill(allotment: Allotment, party: Party, most = 1_000): number {
  let started = 0
  for (; started < most && allotment.mayStart(party); started++) allotment.started(party)
  return started
}

const of = (standing: Standing, scope = "shop/master"): Party => ({ standing, scope })

describe("the slots for webhooks", () => {
  it("go to new endpoints by half at most, and to failing ones by a quarter", () => {
    const allotment = new Allotment(100)

    expect(fill(allotment, of("failing"))).toBe(25)
    expect(fill(allotment, of("new"))).toBe(50)
    expect(fill(allotment, of("proven"))).toBe(25)
  })

  it("go to those who hang without being known for it by three quarters at most, and others are tried meanwhile", () => {
    const allotment = new Allotment(100)
    fill(allotment, of("new"))
    allotment.moved("new", "failing", { running: 50, waiting: 0 })

    expect(allotment.mayStart(of("failing"))).toBe(false)
    expect(fill(allotment, of("new"))).toBe(25)
    expect(fill(allotment, of("proven"))).toBe(25)
  })

  it("leave room for whoever comes next, however much one tenant has to send", () => {
    const allotment = new Allotment(100)
    for (const scope of ["greedy/master", "late/master", "third/master"]) allotment.joined(scope)

    expect(fill(allotment, of("proven", "greedy/master"))).toBe(80)
    expect(fill(allotment, of("proven", "late/master"))).toBe(16)
    expect(allotment.mayStart(of("proven", "third/master"))).toBe(true)
  })

  it("are all for the one tenant where there is no other", () => {
    const allotment = new Allotment(100)
    allotment.joined("shop/master")
    allotment.joined("other/master")
    allotment.left("other/master")

    expect(fill(allotment, of("proven"))).toBe(100)
  })

  it("are shared evenly when two tenants want all of them", () => {
    const allotment = new Allotment(90)
    const tenants = ["one/master", "other/master"]
    for (const scope of tenants) allotment.joined(scope)
    const counts = tenants.map(() => 0)
    for (let i = 0; i < 90; i++)
      for (const [at, scope] of tenants.entries())
        counts[at] = (counts[at] ?? 0) + fill(allotment, of("proven", scope), 1)

    expect(counts).toEqual([40, 40])
  })

  it("are waited for by as many as could have them, and by two thousand that nobody knows or that fail", () => {
    const allotment = new Allotment(100)
    allotment.waits("failing", 20)
    fill(allotment, of("new"), 10)

    fill(allotment, of("proven"), 7)
    allotment.waits("proven", 3)

    const rooms = (["failing", "new", "proven"] as const).map((each) => allotment.poolOf(each).room)

    expect(rooms).toEqual([1_980, 1_980, 80])
  })

  it("are enough for one attempt of anybody where there is only one", () => {
    for (const standing of ["proven", "new", "failing"] as const)
      expect(fill(new Allotment(1), of(standing))).toBe(1)
  })

  it("follow an endpoint that is found to fail, and are never more than there are", () => {
    const parties = fc.record({
      standing: fc.constantFrom<Standing>("proven", "new", "failing"),
      scope: fc.constantFrom("a/master", "b/master", "c/master"),
    })
    const steps = fc.array(fc.tuple(parties, fc.nat(2), parties), { maxLength: 200 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), steps, (slots, all) => {
        const allotment = new Allotment(slots)
        const running: Party[] = []
        for (const [party, step, other] of all) {
          const [first] = running
          if (step === 0 && allotment.mayStart(party)) {
            allotment.started(party)
            running.push(party)
          } else if (step === 1 && first !== undefined) {
            running.shift()
            allotment.ended(first)
          } else if (step === 2 && first !== undefined) {
            running[0] = { ...first, standing: other.standing }
            allotment.moved(first.standing, other.standing, { running: 1, waiting: 0 })
          }
          expect(allotment.running).toBe(running.length)
          expect(allotment.running).toBeLessThanOrEqual(slots)
        }
        for (const party of running.splice(0)) allotment.ended(party)
        for (const standing of ["proven", "new", "failing"] as const)
          expect(allotment.mayStart({ standing, scope: "a/master" })).toBe(true)
      }),
    )
  })
})
