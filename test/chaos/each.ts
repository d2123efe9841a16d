import { deploy } from "./deploy.ts"
import { frozen } from "./frozen.ts"
import { fulfilment } from "./fulfilment.ts"
import { showHttp } from "./http.ts"
import { order } from "./order.ts"
import { orders } from "./orders.ts"
import { poison } from "./poison.ts"
import { random } from "./random.ts"
import { again, release } from "./release.ts"
import { show } from "./show.ts"
import { spill } from "./spill.ts"
import type { EngineName } from "./store.ts"
import { judged } from "./webhook-stage.ts"
import { webhooks } from "./webhooks.ts"
import { frozenWebhooks } from "./webhooks-frozen.ts"
import { randomWebhooks } from "./webhooks-random.ts"

/** Each program that every engine has to pass, at length. */
export async function each(engine: EngineName): Promise<void> {
  await show("frozen", () => frozen({ engine }))
  await show("spill", () => spill({ engine }))
  for (const kind of ["exit", "memory", "loop"] as const)
    await show(`poison (${kind})`, () => poison(kind, { engine }))
  await show("poison beside a handler that hangs", () => poison("exit", { engine, workers: 1, hung: true }))
  await showHttp(engine)
  await show("order", () => order({ engine, kills: 20 }))
  await show("deploy", () => deploy({ engine }))
  await show("release", () => release({ engine, events: engine === "sqlite" ? 5_000 : 10_000 }))
  await show("again", () => again({ engine }))
  await show("webhooks", async () => judged(await webhooks({ engine, randomKills: 10 })))
  await show("webhooks frozen", async () => judged(await frozenWebhooks({ engine })))
  for (let i = 0; i < 3; i++) {
    const seed = (Date.now() % 1_000_000) + i
    await show(`webhooks random ${seed}`, async () => judged(await randomWebhooks({ engine, seed })))
  }
  for (let i = 0; i < 3; i++) {
    await show("orders", () => orders({ engine, orders: 400, kills: 40 }))
    await show("fulfilment", () => fulfilment({ engine, orders: 300, kills: 30 }))
  }
  const first = Date.now() % 1_000_000
  for (let seed = first; seed < first + 10; seed++) {
    for (const fastPath of [true, false])
      await show(`random ${seed} (${fastPath ? "fast" : "jobs"})`, () =>
        random({ engine, seed, fastPath, steps: 30 }),
      )
  }
}
