import type { Carillon } from "carillon"
import { afterEach, beforeEach, expect, it } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { tablesWith } from "../support/traces-of.ts"
import { WorkflowShop } from "../support/workflow-shop.ts"

const ANNA = "anna.example@mail.test"
const where = { data: { email: [ANNA] } }
const BUSY_MS = 3_000

await describeEngines((engine) => {
  let shop: WorkflowShop
  beforeEach(async () => {
    shop = await WorkflowShop.open(engine)
  })
  afterEach(() => shop.close())

  /** Its handler fails now and then, and says of whom. */
  async function worker(seen: unknown[]): Promise<Carillon> {
    const carillon = await shop.carillon({ start: false, random: Math.random, pollMs: 50 })
    carillon.events.subscribe(
      "order.placed",
      async ({ data }) => {
        seen.push(data)
        await rest(Math.random() * 30)
        if (Math.random() < 0.3) throw new Error(`no mailbox ${ANNA}`)
      },
      {
        subscriberId: "mail",
        policy: { retries: 50, initialBackoffDelay: 20, exponentialBackoffCoefficient: 1 },
      },
    )
    await carillon.start()
    return carillon
  }

  it("leaves nothing behind where workers emit, fail and replay meanwhile, and hands nobody an empty event", {
    timeout: 60_000,
  }, async () => {
    const seen: unknown[] = []
    const [till, office] = [await worker(seen), await worker(seen)]
    const end = Date.now() + BUSY_MS
    const busy = async (work: () => Promise<unknown>, pauseMs: number): Promise<void> => {
      for (; Date.now() < end; await rest(pauseMs)) await work()
    }
    const order = { name: "order.placed", data: { email: ANNA } }

    await Promise.all([
      busy(() => till.emit(Array.from({ length: 5 }, () => order)), 10),
      busy(() => office.erase({ where }), 0),
      busy(() => office.erase({ where, includeOpen: true }).catch(unlessOpen), 0),
      busy(() => till.replay({ subscription: "mail", since: Date.now() - BUSY_MS }), 200),
    ])
    for (let open = 1; open > 0; ) {
      await Promise.all([till.drain(), office.drain()])
      open = (await office.erase({ where })).open.events
    }

    expect(await tablesWith(shop.place, engine, ANNA)).toEqual([])
    expect(seen.every((data) => (data as { email?: string } | null)?.email === ANNA)).toBe(true)
  })
})

/** While something runs that is the answer. */
function unlessOpen(error: { readonly code?: string }): void {
  if (error.code !== "CARILLON_OPEN_WORK") throw error
}

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
