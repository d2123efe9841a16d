import pino from "pino"
import { describe, expect, it } from "vitest"
import { formatLine } from "./log-line.ts"

function logged(log: (logger: pino.Logger) => void): string {
  let text = ""
  const write = (line: string): void => {
    text += formatLine(line)
  }
  log(pino({ nestedKey: "data", base: null, timestamp: false }, { write }))
  return text
}

describe("a line for people", () => {
  it("is the level and the message", () => {
    expect(logged((logger) => logger.info("Processing brand.created which has 1 subscribers"))).toBe(
      "info: Processing brand.created which has 1 subscribers\n",
    )
  })

  it("shows an object as indented JSON after its message, whatever its keys are", () => {
    const brand = { id: "brand_1", level: 3, msg: "Acme" }

    expect(logged((logger) => logger.info(brand, "Request Data:"))).toBe(
      'info: Request Data: {\n  "id": "brand_1",\n  "level": 3,\n  "msg": "Acme"\n}\n',
    )
  })

  it("of a request has a name of its own, and none of its parts twice", () => {
    const http = { method: "POST", path: "/admin/brands", status: 200, ms: 16.418 }

    expect(logged((logger) => logger.info({ http }, "POST /admin/brands ← - (200) - 16.418 ms"))).toBe(
      "http: POST /admin/brands ← - (200) - 16.418 ms\n",
    )
  })

  it("shows what somebody else calls http", () => {
    expect(logged((logger) => logger.info({ http: "plain" }, "Settings:"))).toBe(
      'info: Settings: {\n  "http": "plain"\n}\n',
    )
  })

  it("says an error's message once, and where in the reader's files it was thrown", () => {
    const error = new Error("The CMS answered 503")
    error.stack = "Error: The CMS answered 503\n    at send (/shop/cms.ts:3:1)\n    at node:internal/x:1:1"

    expect(logged((logger) => logger.error(error))).toBe(
      "error: The CMS answered 503\n    at send (/shop/cms.ts:3:1)\n",
    )
    expect(logged((logger) => logger.warn({ err: error }, "Sync failed"))).toBe(
      "warn: Sync failed\n  Error: The CMS answered 503\n    at send (/shop/cms.ts:3:1)\n",
    )
  })
})
