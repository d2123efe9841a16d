import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { commandLine } from "./command.ts"

describe("a command to type", () => {
  it("names the database as seen from here, and quotes what a shell would take apart", () => {
    const database = join(process.cwd(), "examples/brands/.carillon/carillon.db")

    const line = commandLine(database, ["emit", "brand.created", `{"name":"Rock'n'Roll"}`])

    expect(line).toBe(
      `npm run carillon -- emit brand.created '{"name":"Rock'\\''n'\\''Roll"}' --database examples/brands/.carillon/carillon.db`,
    )
  })
})
