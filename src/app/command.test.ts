import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { resolveOptions } from "../options.ts"
import { commandLine } from "./command.ts"

describe("a command to type", () => {
  it("names the database as seen from here, and quotes what a shell would take apart", () => {
    const database = join(process.cwd(), "examples/brands/.carillon/carillon.db")

    const line = commandLine(database, ["emit", "brand.created", `{"name":"Rock'n'Roll"}`])

    expect(line).toBe(
      `npm run carillon -- emit brand.created '{"name":"Rock'\\''n'\\''Roll"}' --database examples/brands/.carillon/carillon.db`,
    )
  })

  it("names a server without the password that opens it", () => {
    const { database } = resolveOptions({ database: "postgres://shop:secret@db/shop?schema=orders" })

    expect(commandLine(database, ["stats"])).toBe(
      "npm run carillon -- stats --database 'postgres://shop:***@db/shop?schema=orders'",
    )
  })
})
