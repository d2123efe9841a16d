import fc from "fast-check"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { createServer } from "../../src/server/index.ts"
import { DoorShop } from "../support/shop-door.ts"

const PATH = "/rest/V1/async_event"

describe("at a shop's door", () => {
  let door: DoorShop
  beforeEach(async () => {
    door = await DoorShop.open("sqlite", { server: { bodyLimit: 2_000 }, start: false })
  })
  afterEach(() => door.close())

  it("what is no route is refused in a shop's words, and strangers learn no more", async () => {
    const none = { status: 404, body: { message: "Request does not match any route." } }

    expect(await door.get("/rest/V1/orders/5")).toEqual(expect.objectContaining(none))
    expect(await door.put("/rest/V1/async_events", {})).toMatchObject(none)
    expect(await door.post(`${PATH}/5`, {})).toMatchObject(none)
    expect((await door.get(`${PATH}/5`, "")).status).toBe(401)
    expect((await door.get("/rest/V2/async_event/5")).headers.get("content-type")).toMatch(/problem/)
  })

  it("a page of another origin is told what there is, and not that it may", async () => {
    const preflight = (path: string) => door.options(path, { origin: "https://evil.example" })

    const { status, headers } = await preflight(`${PATH}/5`)

    expect([status, headers.get("allow")]).toEqual([204, "DELETE, GET, HEAD, OPTIONS, PUT"])
    expect([...headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([])
    expect((await preflight("/rest/V1/orders/5")).status).toBe(404)
  })

  it("a body that cannot be read is refused with a reason", async () => {
    expect(await door.post(PATH, "{")).toMatchObject({
      status: 400,
      body: { message: expect.stringMatching(/JSON/) },
    })
    expect(await door.post(PATH, "")).toMatchObject({
      status: 400,
      body: { parameters: { fieldName: "asyncEvent" } },
    })
    expect(await door.post(PATH, "[1]")).toMatchObject({ status: 400 })
    expect(await door.post(PATH, { asyncEvent: [] })).toMatchObject({ status: 400 })
    expect((await door.post(PATH, { asyncEvent: { event_name: "x".repeat(3_000) } })).status).toBe(413)
    expect((await door.post(PATH, '{"asyncEvent":{"__proto__":{}}}')).status).toBe(400)
  })

  it("an id that is none is no id", async () => {
    for (const id of ["abc", "-1", "1.5", "99999999999999", "5%00", "%zz"])
      expect([id, (await door.get(`${PATH}/${id}`)).status]).toEqual([id, 400])
    expect((await door.get(`${PATH}/99`)).status).toBe(404)
  })

  it("every answer is JSON, has a request id, and is not to be kept", async () => {
    const { headers } = await door.get("/rest/V1/async_events?searchCriteria=")

    expect(headers.get("content-type")).toBe("application/json; charset=utf-8")
    expect(headers.get("x-request-id")).toBeTruthy()
    expect(headers.get("cache-control")).toBe("no-store")
  })

  it("passwords are not to be guessed", async () => {
    const guess = () =>
      door.post("/rest/V1/integration/admin/token", { username: "a@b.c", password: "x" }, "")
    const answers = []
    do answers.push(await guess())
    while (answers.length < 30 && answers.at(-1)?.status === 401)

    expect(answers[0]?.status).toBe(401)
    expect(answers.at(-1)).toMatchObject({ status: 429, body: { message: expect.any(String) } })
    expect(Number(answers.at(-1)?.headers.get("retry-after"))).toBeGreaterThan(0)
  })

  it("nothing that anybody sends is a fault of ours", async () => {
    const names = ["event_name", "recipientUrl", "verification_token", "metadata", "store_id", "status"]
    const field = fc.constantFrom(...names, "subscription_id", "asyncEvent")
    const body = fc.oneof(
      fc.jsonValue(),
      fc.record({ asyncEvent: fc.oneof(fc.jsonValue(), fc.dictionary(field, fc.jsonValue())) }),
    )
    const words = fc.constantFrom(
      "filter_groups",
      "0",
      "filters",
      "field",
      "value",
      "condition_type",
      "event_name",
      "",
    )
    const key = fc
      .array(words, { maxLength: 6 })
      .map((parts) => `searchCriteria${parts.map((part) => `[${part}]`).join("")}`)
    const value = fc.oneof(fc.string(), fc.constantFrom("event_name", "like", "status", "%", "1,2"))
    const query = fc
      .array(fc.tuple(key, value), { maxLength: 6 })
      .map((pairs) =>
        pairs.map(([name, each]) => `${name}=${encodeURIComponent(each.toWellFormed())}`).join("&"),
      )
    await fc.assert(
      fc.asyncProperty(body, query, fc.string(), async (sent, asked, name) => {
        const answers = [
          await door.post(PATH, sent),
          await door.put(`${PATH}/5`, sent),
          await door.get(`/rest/V1/async_events?${asked}`),
          await door.get(
            `/rest/V1/async_event_logs?${asked}&fields=${encodeURIComponent(name.toWellFormed())}`,
          ),
          await door.get(`/rest/V1/async_event_logs/${encodeURIComponent(name.toWellFormed())}`),
        ]
        for (const { status, body } of answers) {
          expect(status).toBeLessThan(500)
          if (status >= 400) expect(body.message).toBeTypeOf("string")
        }
      }),
      { numRuns: 100 },
    )
    expect(door.shop.errors).toEqual([])
  })

  it("there is nobody where a server was not told to answer as one", async () => {
    const { carillon } = door
    const server = createServer(carillon, { logRequests: false })

    const response = await server.fetch(new Request(`http://carillon.test${PATH}/1`))

    expect([response.status, response.headers.get("content-type")]).toEqual([404, "application/problem+json"])
  })
})

describe("a shop's door below a path", () => {
  it("answers there and nowhere else", async () => {
    const door = await DoorShop.open("sqlite", { server: { basePath: "/carillon" }, start: false })

    expect((await door.get("/carillon/rest/V1/async_events?searchCriteria=")).status).toBe(200)
    expect((await door.get("/rest/V1/async_events?searchCriteria=")).headers.get("content-type")).toMatch(
      /problem/,
    )
    await door.close()
  })
})
