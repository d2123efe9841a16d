import { describe, expect, it } from "vitest"
import { readPostgresUrl, withoutPassword } from "./url.ts"

describe("readPostgresUrl", () => {
  it("takes what is ours out and leaves the driver's as it stands", () => {
    expect(
      readPostgresUrl("postgres://shop:a%20b@db:6432/shop?sslmode=require&schema=orders&pooler=true"),
    ).toEqual({ url: "postgres://shop:a%20b@db:6432/shop?sslmode=require", schema: "orders", pooler: true })
    expect(readPostgresUrl("postgresql:///shop?host=/run/postgresql&schema=orders")).toEqual({
      url: "postgresql:///shop?host=/run/postgresql",
      schema: "orders",
      pooler: undefined,
    })
  })

  it("leaves a URL without any of it alone", () => {
    const url = "postgres://db/shop"

    expect(readPostgresUrl(url)).toEqual({ url, schema: undefined, pooler: undefined })
  })

  it("names what a slip was perhaps meant to be", () => {
    expect(() => readPostgresUrl("postgres://db/shop?shema=orders")).toThrow(/Did you mean `schema`\?/)
  })

  it.each(["?pooler=yes", "?schema=a&schema=b"])("refuses %s", (query) => {
    expect(() => readPostgresUrl(`postgres://db/shop${query}`)).toThrow(/database's URL/)
  })
})

describe("withoutPassword", () => {
  it.each([
    ["postgres://shop:secret@db/shop?schema=orders", "postgres://shop:***@db/shop?schema=orders"],
    ["postgres://shop:se:cr@et@db/shop", "postgres://shop:***@db/shop"],
    ["postgres://shop@db/shop", "postgres://shop@db/shop"],
    [
      "postgres://db/shop?user=a&password=secret&sslpassword=x",
      "postgres://db/shop?user=a&password=***&sslpassword=***",
    ],
  ])("shows %s as %s", (url, shown) => {
    expect(withoutPassword(url)).toBe(shown)
  })
})
