import { describe, expect, it, onTestFinished } from "vitest"
import { Connections } from "../../src/webhooks/http/connections.ts"
import type { ResolveName } from "../../src/webhooks/http/names.ts"
import { DEFAULT_NETWORK, networkPolicy } from "../../src/webhooks/http/network.ts"
import { hostileReceiver } from "../support/hostile-receiver.ts"
import { answerOf, OK, receiverFor, soon, webhookSending } from "../support/webhook-sending.ts"

// 127.0.0.1 is allowed in these tests and stands for a public address; 127.0.0.2 to 127.0.0.9 are not.

describe("a webhook sender", () => {
  it("dials nothing when a name means another address than it did before", async () => {
    const { shop, inside } = await twoHouses()
    const resolve = resolver(["127.0.0.1"], ["127.0.0.2"])
    const { send } = webhookSending({ resolve })
    const recipient = `http://shop.example:${shop.port}/`

    expect(await send(recipient)).toMatchObject({ success: true })
    const second = await send(recipient)

    expect(second).toMatchObject({ success: false, fault: "recipient" })
    expect(second.responseData).toContain("to be a public address")
    expect(second.responseData).not.toContain("127.0.0")
    expect([shop.connections, inside.connections]).toEqual([1, 0])
  })

  it("asks once for each connection, and dials what it was told", async () => {
    const { shop, inside } = await twoHouses()
    const resolve = resolver(["127.0.0.1"], ["127.0.0.2"])
    const { send } = webhookSending({ resolve })

    await send(`http://shop.example:${shop.port}/`)

    expect(resolve.asked).toEqual(["shop.example"])
    expect([shop.connections, inside.connections]).toEqual([1, 0])
  })

  it.each([
    ["the first", ["127.0.0.2", "127.0.0.1"]],
    ["the last", ["127.0.0.1", "127.0.0.2"]],
    ["one of many", ["127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.2"]],
    ["one that is mapped", ["127.0.0.1", "::ffff:127.0.0.2"]],
  ])("dials none of the addresses of a name when %s may not be dialled", async (_, addresses) => {
    const { shop, inside } = await twoHouses()
    const { send } = webhookSending({ resolve: resolver(addresses) })

    expect(await send(`http://shop.example:${shop.port}/`)).toMatchObject({ success: false })
    expect([shop.connections, inside.connections]).toEqual([0, 0])
  })

  it("sends nothing over a connection to where it may not be, however it was made", async () => {
    const { shop, inside } = await twoHouses()
    const addresses = ["127.0.0.1"]
    const lying = {
      get address() {
        return addresses.shift() ?? "127.0.0.2"
      },
      family: 4 as const,
    }
    const { send } = webhookSending({ resolve: async () => [lying] })

    expect(await send(`http://shop.example:${shop.port}/`)).toMatchObject({ success: false })
    expect([shop.requests.length, inside.connections, inside.requests.length]).toEqual([0, 1, 0])
  })

  it("tries four addresses of a name, and no more", async () => {
    const network = networkPolicy({ allow: ["loopback"] })
    const receiver = await receiverFor((socket) => socket.end(OK), { host: "127.0.0.6" })
    const dead = ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"]
    const fourth = webhookSending({ network, resolve: resolver([...dead.slice(1), "127.0.0.6"]) })
    const fifth = webhookSending({ network, resolve: resolver([...dead, "127.0.0.6"]) })
    const recipient = `http://shop.example:${receiver.port}/`

    expect(await fourth.send(recipient)).toMatchObject({ success: true })
    const result = await fifth.send(recipient)

    expect(result.responseData).toContain("it refused it (ECONNREFUSED)")
    expect(result.responseData).not.toContain("127.0.0")
    expect(receiver.connections).toBe(1)
  })

  it("sends nothing to a name without addresses", async () => {
    const { send } = webhookSending({ resolve: resolver([]) })

    expect(await send("http://shop.example/")).toMatchObject({ success: false, fault: "recipient" })
  })

  it.each(["http://127.0.0.2:PORT/", "http://[::ffff:127.0.0.2]:PORT/", "http://0x7f000002:PORT/"])(
    "does not dial %s, of which nobody is asked",
    async (recipient) => {
      const { inside } = await twoHouses()
      const { send } = webhookSending({ network: networkPolicy({ schemes: ["http"], ports: null }) })

      await expect(send(recipient.replace("PORT", String(inside.port)))).rejects.toThrow("public address")
      expect(inside.connections).toBe(0)
    },
  )

  it("has connections that dial no literal either, whoever asks for one", async () => {
    const { shop, inside } = await twoHouses()
    const network = networkPolicy({ allow: ["127.0.0.1"] })
    const connections = new Connections({
      network,
      resolve: resolver([]),
      connectTimeoutMs: 1_000,
      mostKept: 10,
    })
    onTestFinished(() => connections.destroy())
    const { kept } = connections.of(undefined)
    const get = (host: string) =>
      kept.request({ origin: `http://${host}:${shop.port}`, path: "/", method: "GET" })

    expect((await get("127.0.0.1")).statusCode).toBe(200)
    await expect(get("127.0.0.2")).rejects.toThrow("to be a public address")
    expect(inside.connections).toBe(0)
  })

  it.each([301, 302, 303, 307, 308])("does not follow a %d, and says so", async (status) => {
    const other = await receiverFor((socket) => socket.end(OK))
    const receiver = await receiverFor((socket) => {
      socket.end(answerOf(`${status} Elsewhere`, "", { location: other.url }))
    })
    const { send } = webhookSending()

    const result = await send(receiver.url, { subscription: { recipient: receiver.url, form: "standard" } })

    expect(result).toMatchObject({ success: false, fault: "recipient", details: { status } })
    expect(result.responseData).toContain("Redirects are not followed")
    expect(other.connections).toBe(0)
  })

  it("sends nothing where a password stands in the recipient", async () => {
    const receiver = await receiverFor((socket) => socket.end(OK))
    const { send } = webhookSending()

    await expect(send(`http://clerk:pa55word@127.0.0.1:${receiver.port}/`)).rejects.toThrow("authorization")
    expect(receiver.connections).toBe(0)
  })

  it("asks no proxy that the environment names", async () => {
    const proxy = await receiverFor((socket) => socket.end(OK))
    const receiver = await receiverFor((socket) => socket.end(OK))
    for (const name of ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"]) stubEnv(name, proxy.url)
    const { send } = webhookSending()

    expect(await send(receiver.url)).toMatchObject({ success: true })
    expect(proxy.connections).toBe(0)
  })

  it("sends to IPv6 where that is allowed", async ({ skip }) => {
    const receiver = await hostileReceiver((socket) => socket.end(OK), { host: "::1" }).catch(() => null)
    if (receiver === null) return skip("this machine has no IPv6")
    onTestFinished(() => receiver.close())
    const recipient = `http://[::1]:${receiver.port}/`

    const { send } = webhookSending({ network: networkPolicy({ allow: ["loopback"] }) })

    expect(await send(recipient)).toMatchObject({ success: true })
    await expect(webhookSending().send(recipient)).rejects.toThrow("Expected `recipient`")
    expect(receiver.connections).toBe(1)
  })

  it("keeps connections to some recipients, and sends to the others all the same", async () => {
    const receiver = await receiverFor((socket) => socket.write(OK))
    const { send } = webhookSending({ resolve: resolver(["127.0.0.1"]), mostKept: 20 })
    const shops = Array.from({ length: 50 }, (_, i) => `http://shop-${i}.example:${receiver.port}/`)

    const results = await Promise.all(shops.map((shop) => send(shop)))

    expect(results.every(({ success }) => success)).toBe(true)
    await expect.poll(() => receiver.open, soon).toBe(20)
    expect(receiver.requests.filter((request) => request.includes("connection: close"))).toHaveLength(30)
    expect(receiver.requests).toHaveLength(50)
  })

  it("lets what is under way end when many others have credentials of their own", async () => {
    let end = (): void => undefined
    const receiver = await receiverFor((socket, count) => {
      if (count === 1) end = () => void socket.write(OK)
      else socket.end(OK)
    })
    const { send } = webhookSending()
    const sendAs = (no: number) => {
      return send(receiver.url, {
        subscription: { recipient: receiver.url, options: { ca: `Shop CA ${no}` } },
      })
    }

    const first = sendAs(0)
    await expect.poll(() => receiver.requests.length, soon).toBe(1)
    for (let no = 1; no <= 210; no++) expect(await sendAs(no)).toMatchObject({ success: true })
    end()

    expect(await first).toMatchObject({ success: true })
    expect(await sendAs(0)).toMatchObject({ success: true })
  })
})

describe("when a webhook subscription is made", () => {
  const wish = { form: "standard", headers: {}, options: {} } as const

  it("its recipient's name is looked up, and refused for what it stands for", async () => {
    const { notifier } = webhookSending({
      network: DEFAULT_NETWORK,
      resolve: resolver(["1.1.1.1", "10.0.0.1"]),
    })

    const refused = notifier.check?.({ ...wish, recipient: "https://shop.example/" })

    await expect(refused).rejects.toThrow("to be a public address")
    await expect(refused).rejects.not.toThrow("10.0.0.1")
  })

  it("a name passes that is public, or not known yet", async () => {
    const known = webhookSending({
      network: DEFAULT_NETWORK,
      resolve: resolver(["1.1.1.1", "2606:4700::1111"]),
    })
    const unknown = webhookSending({
      network: DEFAULT_NETWORK,
      resolve: () => Promise.reject(new Error("ENOTFOUND")),
    })

    for (const { notifier } of [known, unknown])
      await expect(notifier.check?.({ ...wish, recipient: "https://shop.example/" })).resolves.toBeUndefined()
  })

  it("a public address is not reached by a scheme and port that only allowed ones may have", async () => {
    const network = networkPolicy({ allow: ["loopback"] })
    const { notifier } = webhookSending({ network, resolve: resolver(["1.1.1.1"]) })

    await expect(notifier.check?.({ ...wish, recipient: "http://shop.example/" })).rejects.toThrow(
      "public address",
    )
    await expect(notifier.check?.({ ...wish, recipient: "https://shop.example:22/" })).rejects.toThrow(
      "public",
    )
    await expect(notifier.check?.({ ...wish, recipient: "https://shop.example/" })).resolves.toBeUndefined()
  })

  it("its headers are looked at", async () => {
    const { notifier } = webhookSending()
    const recipient = "http://127.0.0.1/"

    const refused = notifier.check?.({ ...wish, recipient, headers: { Host: "shop.example" } })

    await expect(refused).rejects.toThrow("`host`")
  })
})

/** Two receivers at one port: one that may be sent to, one that may not. */
async function twoHouses() {
  const shop = await receiverFor((socket) => socket.end(OK))
  const inside = await hostileReceiver((socket) => socket.end(OK), { host: "127.0.0.2", port: shop.port })
  onTestFinished(() => inside.close())
  return { shop, inside }
}

/** Answers with these, one after another; the last again and again. */
function resolver(...answers: readonly (readonly string[])[]) {
  const asked: string[] = []
  const resolve: ResolveName = async (name) => {
    const answer = answers[Math.min(asked.push(name), answers.length) - 1] ?? []
    return answer.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }))
  }
  return Object.assign(resolve, { asked })
}

function stubEnv(name: string, value: string): void {
  const before = process.env[name]
  process.env[name] = value
  onTestFinished(() => {
    if (before === undefined) delete process.env[name]
    else process.env[name] = before
  })
}
