import { existsSync } from "node:fs"
import { afterAll, beforeAll, expect, test } from "vitest"
import { Cluster } from "./cluster.ts"
import { describeCluster } from "./describe.ts"

describeCluster("a temporary cluster", () => {
  let cluster: Cluster

  beforeAll(async () => {
    cluster = await Cluster.start({ settings: { max_connections: 30 } })
    await cluster.query("CREATE TABLE orders (id int)")
  })
  afterAll(async () => {
    await cluster.close()
  })

  async function setting(name: string): Promise<unknown> {
    const [row] = await cluster.query<{ value: string }>("SELECT current_setting($1) AS value", [name])
    return row?.value
  }

  test("writes to the disk as a stock server does, and takes settings", async () => {
    expect(await setting("fsync")).toBe("on")
    expect(await setting("synchronous_commit")).toBe("on")
    expect(await setting("max_connections")).toBe("30")
  })

  test.for(["fast", "immediate"] as const)(
    "keeps what was committed when it is restarted (%s)",
    async (mode) => {
      await cluster.query("INSERT INTO orders VALUES (1)")

      await cluster.restart(mode)

      expect(await cluster.query("DELETE FROM orders RETURNING id")).toEqual([{ id: 1 }])
    },
  )

  test("keeps what was committed when its first process is killed", async () => {
    await cluster.query("INSERT INTO orders VALUES (2)")

    await cluster.kill()
    await expect(cluster.query("SELECT 1")).rejects.toThrow()
    await cluster.start()

    expect(await cluster.query("DELETE FROM orders RETURNING id")).toEqual([{ id: 2 }])
  })

  test("ends the connections that are meant", async () => {
    const sleeping = cluster.query("SELECT 'order 1', pg_sleep(60)").catch((error: Error) => error.message)
    const meant = "query LIKE '%order 1%' AND state = 'active'"

    while ((await cluster.terminateBackends(meant)) === 0);

    expect(await sleeping).toContain("terminat")
  })

  test("leaves nothing behind", async () => {
    const other = await Cluster.start()
    const [row] = await other.query<{ folder: string }>("SELECT current_setting('data_directory') AS folder")

    await other.close()

    expect(existsSync(row?.folder as string)).toBe(false)
    await expect(other.query("SELECT 1")).rejects.toThrow("ECONNREFUSED")
  })
})
