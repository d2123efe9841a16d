import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import { codeOf } from "../../src/core/errors.ts"
import { createCarillon } from "../../src/index.ts"
import { describeEngines } from "../support/describe.ts"
import { testDatabase } from "../support/postgres.ts"
import { again, release } from "./release.ts"
import type { EngineName } from "./store.ts"
import { inOneLine } from "./tally.ts"

await describeEngines((engine) => {
  test("makes one event of each staged event, and one delivery of each replayed one, whoever is killed at it", {
    timeout: 180_000,
  }, async () => {
    const book = await release({ engine, events: 2_500 })

    console.log(inOneLine(`release (${engine})`, book))
    expect(book).toMatchObject({ events: 2_500, replayed: 2_500, replayedTwice: 0, lost: 0, dead: 0 })
    expect(book.open).toEqual({ batches: 0, parts: 0, jobs: 0 })
  })

  test("would notice if nobody went on with a replay", { timeout: 180_000 }, async () => {
    const book = await release({ engine, recovery: false, events: 1_500, stillMs: 1_500 })

    expect(book.replayed).toBeLessThan(1_500)
  })

  test("makes one event of an emit with an id that is repeated after a crash", {
    timeout: 180_000,
  }, async () => {
    const book = await again({ engine })

    console.log(inOneLine(`again (${engine})`, book))
    expect(book).toMatchObject({ events: 200, acknowledged: 200, lost: 0 })
  })

  const nuls = {
    id: { name: "order.placed", id: "ord_\u0000" },
    name: { name: "order.\u0000placed", id: "ord_250" },
    key: { name: "order.placed", id: "ord_250", key: "ord_\u0000" },
  }

  test.for(["id", "name", "key"] as const)(
    "rejects only the two culprits among a thousand emits at once (NUL in the %s)",
    async (field) => {
      const { database, drop } = await freshDatabase(engine)
      const carillon = await createCarillon({ database, group: "shop", logger: false })
      try {
        await carillon.emit({ name: "order.placed", id: "ord_500", data: { total: 1 } })

        const emits = await Promise.allSettled(
          Array.from({ length: 1_000 }, (_, i) =>
            carillon.emit({
              ...(i === 250 ? nuls[field] : { name: "order.placed", id: `ord_${i}` }),
              data: { total: 2, note: "nul \u0000 in data is data" },
            }),
          ),
        )

        const refused = emits.flatMap((each, i) =>
          each.status === "rejected" ? [[i, codeOf(each.reason)]] : [],
        )
        expect(refused).toEqual([
          [250, "CARILLON_INVALID_INPUT"],
          [500, "CARILLON_ID_CONFLICT"],
        ])
      } finally {
        await carillon.stop()
        await drop()
      }
    },
  )
})

async function freshDatabase(engine: EngineName): Promise<{ database: string; drop: () => Promise<void> }> {
  if (engine === "postgres") {
    const { url, drop } = await testDatabase("culprits")
    return { database: url, drop }
  }
  const folder = mkdtempSync(join(tmpdir(), "carillon-culprits-"))
  return { database: join(folder, "shop.db"), drop: async () => rmSync(folder, { recursive: true }) }
}
