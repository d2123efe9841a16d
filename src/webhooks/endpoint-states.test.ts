import { expect, it } from "vitest"
import { ENDPOINT_STATES, type EndpointState, SENDING } from "../core/endpoint.ts"
import type { Change } from "../engine/commit.ts"
import type { RecordSource } from "../identity/records.ts"
import { movingClock } from "../testing/moving-clock.ts"
import { EndpointStates } from "./endpoint-states.ts"

/** Records as a store keeps them, which answers when the test says so. */
class Store implements RecordSource {
  readonly rows = new Map<string, string>()
  reads = 0
  answering: Promise<void> = Promise.resolve()

  readonly queries = {
    record: async (_: string, id: string) => this.rows.get(id) ?? null,
    records: async (collection: string) => {
      expect(collection).toBe(ENDPOINT_STATES)
      this.reads++
      const seen = [...this.rows].map(([id, value]) => ({ id, value }))
      await this.answering
      return seen
    },
    recordPage: () => Promise.reject(new Error("Nobody asks for pages.")),
  }

  async write(change: Change): ReturnType<RecordSource["write"]> {
    if (change.kind !== "put-record") throw new Error("Only records are written.")
    const { id, value, ifAbsent, ifValue } = change
    const stands = this.rows.get(id)
    if (stands === value) return { status: "ok" } // two who write the same are as one
    if (ifAbsent && stands !== undefined) return { status: "conflict", message: "It is there." }
    if (ifValue !== undefined && stands !== ifValue) return { status: "conflict", message: "It is another." }
    if (value === null) this.rows.delete(id)
    else this.rows.set(id, value)
    return { status: "ok" }
  }
}

function setup() {
  const store = new Store()
  const clock = movingClock()
  const process = () => {
    const changes: string[] = []
    const onChange = (ids: readonly string[]) => void changes.push(...ids)
    const onError = (error: unknown) => {
      throw error
    }
    return { states: new EndpointStates({ records: store, clock, onChange, onError }), changes }
  }
  return { store, clock, process }
}

const resting: EndpointState = { ...SENDING, phase: "resting", until: 9, trips: 1, why: "500" }
const probing: EndpointState = { ...resting, phase: "probing" }

it("lets one of several who saw the same write, and tells the others what stands now", async () => {
  const { process } = setup()
  const [first, second] = [process().states, process().states]
  await first.move("sub_1", resting)
  await second.read()

  const written = await Promise.all([
    first.move("sub_1", probing),
    second.move("sub_1", { ...probing, until: 8 }),
  ])

  expect(written).toEqual([true, false])
  expect(second.get("sub_1")).toEqual(probing)
})

it("lets one of several write that an endpoint rests of which nothing was written", async () => {
  const { process } = setup()
  const [first, second] = [process().states, process().states]

  const written = [await first.move("sub_1", resting), await second.move("sub_1", { ...resting, until: 8 })]

  expect(written).toEqual([true, false])
  expect(second.get("sub_1")).toEqual(resting)
})

it("keeps no record of an endpoint that is well", async () => {
  const { store, process } = setup()
  const { states } = process()
  await states.move("sub_1", resting)

  await states.move("sub_1", SENDING)

  expect([...store.rows.keys()]).toEqual([])
  expect(states.get("sub_1")).toEqual(SENDING)
})

it("looks again after a second at most while something is sent, and tells what others changed", async () => {
  const { store, clock, process } = setup()
  const { states, changes } = process()
  await states.fresh()
  await process().states.move("sub_1", resting)

  await states.fresh()
  expect([store.reads, changes]).toEqual([1, []])
  await clock.advance("1s")
  await states.fresh()
  await clock.settle()

  expect([store.reads, changes]).toEqual([2, ["sub_1"]])
  expect(states.get("sub_1")).toEqual(resting)
})

it("waits for what it does not know for long, and asks nobody while nothing is sent", async () => {
  const { store, clock, process } = setup()
  const { states } = process()
  await states.fresh()
  await process().states.move("sub_1", resting)
  await clock.advance("1h")
  expect(store.reads).toBe(1)

  await states.fresh()

  expect(states.get("sub_1")).toEqual(resting)
})

it("does not believe a look that had begun before it wrote itself", async () => {
  const { store, process } = setup()
  const { states, changes } = process()
  const answer = Promise.withResolvers<void>()
  store.answering = answer.promise
  const looking = states.read()
  await states.move("sub_1", resting)

  answer.resolve()
  await looking

  expect(states.get("sub_1")).toEqual(resting)
  expect(changes).toEqual([])
})
