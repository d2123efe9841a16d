import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { appOf, run } from "../support/app-process.ts"
import { describeEngines } from "../support/describe.ts"
import { type TestDatabase, testDatabase } from "../support/postgres.ts"

const email = "admin@shop.example"

/** Names of stores that are not there yet. */
function databasesOf(engine: "sqlite" | "postgres"): () => string {
  if (engine === "sqlite") return () => join(appOf({}), "shop.db")
  let database: TestDatabase | undefined
  let made = 0
  beforeAll(async () => {
    database = await testDatabase("users")
  })
  afterAll(() => database?.drop())
  return () => `${database?.url}?schema=shop_${++made}`
}

describe("users on the command line", async () => {
  await describeEngines((engine) => {
    const newDatabase = databasesOf(engine)

    it("are created, listed, given another password and removed", async () => {
      const store = ["--database", newDatabase()]
      const user = (...args: string[]) => run(["user", ...args, ...store]).exit

      const created = await user("create", " Admin@Shop.Example", "--password", "correct horse", "--json")
      expect(JSON.parse(created.output)).toMatchObject({ email, id: expect.stringMatching(/^user_/) })
      expect(await user("create", email, "--password", "correct horse")).toMatchObject({
        code: 1,
        output: expect.stringContaining(email),
      })
      expect((await user("password", email, "--password", "battery staple")).code).toBe(0)
      expect((await user("list")).output).toContain(email)

      expect((await user("remove", email)).code).toBe(0)
      expect((await user("remove", email)).code).toBe(1)
      expect(JSON.parse((await user("list", "--json")).output)).toEqual([])
    })
  })

  it("get their password from a pipe, where other users of the machine do not see it", async () => {
    const database = join(appOf({}), "shop.db")
    const args = ["user", "create", email, "--database", database]

    const none = await run(args, {}, "").exit
    const short = await run(args, {}, "1234567\n").exit
    const good = await run(args, {}, "correct horse\n").exit

    expect([none.code, short.code, good.code]).toEqual([2, 1, 0])
    expect(short.output).toContain("8 to 256")
    expect(good.output).not.toContain("correct horse")
  })
})
