import { spawn } from "node:child_process"
import { once } from "node:events"
import { expect, test } from "vitest"
import { describeEngines } from "../support/describe.ts"
import { placeOn } from "../support/place.ts"

const program = new URL("modules-process.ts", import.meta.url).pathname

await describeEngines((engine) => {
  test("makes tables once and loses no row when processes start at the same moment", {
    timeout: 180_000,
  }, async () => {
    const place = await placeOn(engine, "modules")
    const [processes, each] = [5, 40]

    const codes = await Promise.all(
      Array.from({ length: processes }, async (_, i) => {
        const child = spawn(process.execPath, [program, place.database, `p${i}`, String(each)], {
          stdio: ["ignore", "inherit", "inherit"],
        })
        return (await once(child, "exit"))[0]
      }),
    )

    const rows = await place.sql(`SELECT name, rank FROM ${place.table("data_brand")}`)
    expect(codes).toEqual(Array(processes).fill(0))
    expect(rows).toHaveLength(processes * each)
    for (const { name, rank } of rows) expect(String(name).split(" ")[1]).toBe(String(rank))
    await place.remove()
  })
})
