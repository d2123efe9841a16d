import { expect, test } from "vitest"
import { query } from "./cluster.ts"
import { describePostgres } from "./describe.ts"
import { testDatabase, testServer } from "./postgres.ts"

await describePostgres("a test's database", () => {
  test("is empty, its own, and gone afterwards", async () => {
    const [first, second] = [await testDatabase("orders"), await testDatabase("orders")]
    const existing = async () =>
      (await query<{ datname: string }>(await testServer(), "SELECT datname FROM pg_database")).map(
        (row) => row.datname,
      )

    await first.query("CREATE TABLE orders (id int)")

    expect(await second.query("SELECT 1 FROM pg_tables WHERE tablename = 'orders'")).toEqual([])
    expect(await existing()).toEqual(expect.arrayContaining([first.name, second.name]))
    await Promise.all([first.drop(), second.drop()])
    expect(await existing()).not.toEqual(expect.arrayContaining([first.name]))
  })
})
