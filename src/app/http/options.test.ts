import { describe, expect, it } from "vitest"
import { resolveHttp } from "./options.ts"

const resolved = (given: unknown, env: Readonly<Record<string, string>> = {}) =>
  resolveHttp("carillon.config.ts", given, env)

describe("where an app answers HTTP", () => {
  it("is localhost and 9000 where nobody says anything", () => {
    expect(resolved(undefined)).toMatchObject({
      host: "localhost",
      port: 9_000,
      bodyLimit: 102_400,
      isPortChosen: false,
      api: { bodyLimit: 4_194_304, metrics: "closed", magento: true },
    })
  })

  it("is what the environment says, before what the configuration says", () => {
    const given = { host: "0.0.0.0", port: 9_001 }

    expect(resolved(given)).toMatchObject({ host: "0.0.0.0", port: 9_001, isPortChosen: true })
    expect(resolved(given, { HOST: "::1", PORT: "8080" })).toMatchObject({ host: "::1", port: 8_080 })
    expect(resolved(undefined, { PORT: "8080" })).toMatchObject({ port: 8_080, isPortChosen: true })
    expect(resolved(undefined, { HOST: "", PORT: "" })).toMatchObject({ host: "localhost", port: 9_000 })
    expect(resolved(false, { PORT: "8080" })).toMatchObject({ isRefused: true })
  })

  it.each([
    ["no object", "9000", {}],
    ["an unknown option", { prot: 9_000 }, {}],
    ["a port that is none", { port: 70_000 }, {}],
    ["a port that is text", { port: "9000" }, {}],
    ["a port in the environment that is none", {}, { PORT: "http" }],
    ["a host that is a URL", { host: "http://localhost" }, {}],
    ["a body limit that is none", { bodyLimit: "large" }, {}],
    ["a body limit of nothing", { bodyLimit: 0 }, {}],
    ["an origin with a path", { cors: ["https://shop.example/admin"] }, {}],
    ["every origin", { cors: ["*"] }, {}],
    ["too many proxies", { proxies: -1 }, {}],
    ["an API that is neither there nor not", { api: true }, {}],
    ["an unknown option of the API", { api: { prot: 1 } }, {}],
    ["metrics for some", { api: { metrics: "some" } }, {}],
  ])("is refused with %s", (_, given, env) => {
    expect(() => resolved(given, env)).toThrow(expect.objectContaining({ code: "CARILLON_CONFIG" }))
  })

  it("takes sizes in words", () => {
    expect(resolved({ bodyLimit: "1mb" }).bodyLimit).toBe(1_048_576)
    expect(resolved({ bodyLimit: "1.5 kb" }).bodyLimit).toBe(1_536)
  })
})
