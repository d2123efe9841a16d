import { describe, expect, it } from "vitest"
import { cleanUp, type Running, run } from "../support/app-process.ts"
import { describeEngines } from "../support/describe.ts"
import { placeOn } from "../support/place.ts"

await describeEngines((engine) => {
  async function setup(
    env: Readonly<Record<string, string>> = {},
  ): Promise<{ server: Running; url: string }> {
    const place = await placeOn(engine, "serve")
    cleanUp(() => place.remove())
    const server = run(["serve", "--database", place.database, "--port", "0"], {
      CARILLON_LOG: "pretty",
      ...env,
    })
    const [url = ""] = /http:\/\/[\w:.]+/.exec(await server.says("The API is at http://")) ?? []
    return { server, url }
  }

  describe("carillon serve", () => {
    it("answers with the API, gives whoever starts it first a way in, and ends in order", async () => {
      const { server, url } = await setup()
      const [setupToken = ""] = /crl_setup_[\w-]+/.exec(await server.says("crl_setup_")) ?? []
      const ask = (path: string, token: string, body?: unknown) =>
        fetch(`${url}${path}`, {
          method: body === undefined ? "GET" : "POST",
          headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
          body: body === undefined ? null : JSON.stringify(body),
        })

      const made = await ask("/api/tokens", setupToken, { name: "first", roles: ["admin"], scopes: "all" })
      const { token } = (await made.json()) as { token: string }
      const emitted = await ask("/api/events", token, {
        name: "order.placed",
        id: "ord_1001",
        data: "secret-data",
      })
      const trace = await ask("/api/events/ord_1001/trace", token)
      server.child.kill("SIGTERM")
      const { code, output } = await server.exit

      expect([made.status, emitted.status, trace.status]).toEqual([201, 201, 200])
      expect(code).toBe(0)
      expect(output).toContain("http: POST /api/events ← - (201)")
      expect(output).not.toContain("secret-data")
      expect(output).not.toContain(token)
    })

    it("asks nobody to make a token where there is a user", async () => {
      const { server, url } = await setup({
        CARILLON_ADMIN_EMAIL: "admin@shop.example",
        CARILLON_ADMIN_PASSWORD: "correct horse",
      })

      expect((await fetch(`${url}/ready`)).status).toBe(200)
      server.child.kill("SIGTERM")
      expect((await server.exit).output).not.toContain("crl_setup_")
    })
  })
})

describe("carillon serve", () => {
  it("does not start in production without a secret, on a port that is none, or in memory", async () => {
    const ended = async (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
      await run(["serve", ...args], env).exit
    const place = await placeOn("sqlite", "serve")
    cleanUp(() => place.remove())
    const at = ["--database", place.database]

    const bare = await ended(at, { NODE_ENV: "production", PORT: "0" })
    const port = await ended([...at, "--port", "http"])
    const memory = await ended(["--database", ":memory:"])

    expect([bare.code, port.code, memory.code]).toEqual([1, 1, 1])
    expect(bare.output).toContain("CARILLON_SECRET")
    expect(port.output).toContain("http.port")
    expect(memory.output).toContain(":memory:")
  })
})
