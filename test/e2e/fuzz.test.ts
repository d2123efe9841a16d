import fc, { type Arbitrary } from "fast-check"
import { afterAll, beforeAll, expect, it } from "vitest"
import type { Operation } from "../fuzz/document.ts"
import { Fuzzer } from "../fuzz/fuzzer.ts"
import {
  type Drawing,
  type Drawn,
  hostileRequests,
  nearlyValidRequests,
  validRequests,
} from "../fuzz/requests.ts"
import { describeEngines } from "../support/describe.ts"

/** `FUZZ_RUNS=2000` asks each operation so often in each of the three ways, and otherwise than the last time. */
const LONG = process.env.FUZZ_RUNS || undefined
const RUNS = Number(LONG ?? 12)
const SEED = process.env.FUZZ_SEED ?? (LONG === undefined ? "1001" : `${Date.now() % 1_000_000_000}`)
const LIMIT = { timeout: Math.max(300_000, RUNS * 10_000) }
/** Passwords are slow to hash, and that is what they are for; who answers a step too early waits for it to begin. */
const SLOW: ReadonlySet<string> = new Set([
  "logIn",
  "createUser",
  "setPassword",
  "setStepSuccess",
  "setStepFailure",
])

await describeEngines((engine) => {
  let fuzzer: Fuzzer
  beforeAll(async () => {
    fuzzer = await Fuzzer.open(engine)
  })
  afterAll(async () => {
    console.log(`fuzz (${engine}): ${fuzzer.asked} requests, seed ${SEED}`)
    await fuzzer.close()
  })

  it("answers as the document says, and each operation does what it is for", LIMIT, async () => {
    const all = fuzzer.document.operations
    for (const isRemoval of [false, true]) {
      const some = all.filter(({ method }) => (method === "DELETE") === isRemoval)
      await askAll(some, validRequests)
      const missed = () => some.filter(({ operationId: id }) => !fuzzer.accepted.has(id))
      for (let turn = 1; turn < 20 && missed().length > 0; turn++) {
        const makers = all.filter(
          ({ method, path }) =>
            method === "POST" && missed().some((each) => each.path.startsWith(`${path}/{`)),
        )
        await askAll([...makers, ...missed()], validRequests, turn)
      }

      expect(missed().map(({ operationId: id }) => id)).toEqual([])
    }
  })

  it("refuses what is wrong in one thing, and changes nothing", LIMIT, () =>
    askAll(fuzzer.document.operations, nearlyValidRequests),
  )

  it("stands whatever comes, and refuses without changing anything", LIMIT, () =>
    askAll(fuzzer.document.operations, hostileRequests),
  )

  /** @throws Error with the first fault of each operation that has one */
  async function askAll(
    operations: readonly Operation[],
    requestsOf: (operation: Operation, drawing: Drawing) => Arbitrary<Drawn> | null,
    turn = 0,
  ): Promise<void> {
    const faults: string[] = []
    for (const operation of operations) {
      const requests = requestsOf(operation, fuzzer)
      const fault = requests === null ? null : await faultOf(operation, requests, turn)
      if (fault !== null) faults.push(`${operation.operationId}: ${fault}`)
    }
    if (faults.length > 0) expect.fail(faults.join("\n\n"))
  }

  /** What the first answer breaks that breaks something; null = none does. */
  async function faultOf(
    operation: Operation,
    requests: Arbitrary<Drawn>,
    turn: number,
  ): Promise<string | null> {
    const { operationId: id } = operation
    const property = fc.asyncProperty(requests, (drawn) => fuzzer.ask(operation, drawn))
    const seed = Number(SEED) + fuzzer.document.operations.indexOf(operation) + 1_000 * turn
    const numRuns = SLOW.has(id) ? Math.ceil(RUNS / 3) : RUNS
    const found = await fc.check(property, { numRuns, seed, endOnFailure: true })
    return found.failed ? String((found.errorInstance as Error | null)?.message) : null
  }
})
