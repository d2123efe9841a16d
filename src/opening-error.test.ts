import { expect, it } from "vitest"
import { ConfigError, StoreError, StoreUnavailableError } from "./core/errors.ts"
import { openingError } from "./opening-error.ts"

const refused = (code: string, message = "no") =>
  new StoreError(`PostgreSQL: ${message} (${code})`, { cause: Object.assign(new Error(message), { code }) })

it.each([
  ["3D000", "no", /createdb/],
  ["28P01", "no", /password/],
  ["42501", "no", /lacks a right/],
  ["08P01", "unsupported startup parameter: options", /\?pooler=true/],
  ["XX000", "no", /host and port/],
])("a store that cannot be opened for %s is named, with what to do", (code, message, advice) => {
  const error = openingError("postgres://db/shop", refused(code, message)) as Error

  expect(error).toMatchObject({ code: "CARILLON_STORE", message: expect.stringMatching(advice) })
  expect(error.message).toContain(`Expected \`postgres://db/shop\` to be opened, got: PostgreSQL: ${message}`)
})

it("tells damage of a file from a file that cannot be read", () => {
  const messageOf = (said: string) => (openingError("shop.db", new StoreError(said)) as Error).message

  expect(messageOf("SQLite: database disk image is malformed (11)")).toMatch(/restore a backup/)
  expect(messageOf("SQLite: disk I/O error (10)")).toMatch(/Check the file/)
})

it("stays one that may pass, where it may", () => {
  const away = new StoreUnavailableError("PostgreSQL does not answer: ECONNREFUSED")

  expect(openingError("postgres://db/shop", away)).toBeInstanceOf(StoreUnavailableError)
})

it("leaves what says it all already", () => {
  const errors = [new ConfigError("Expected `pg`"), new StoreError("Expected a new file"), new Error("bug")]

  for (const error of errors) expect(openingError("postgres://db/shop", error)).toBe(error)
})
