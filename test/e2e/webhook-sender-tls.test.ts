import type { TLSSocket } from "node:tls"
import { describe, expect, it, onTestFinished } from "vitest"
import { makeCertificate } from "../support/certificates.ts"
import type { HostileOptions } from "../support/hostile-receiver.ts"
import type { NotificationParts } from "../support/notification.ts"
import { OK, receiverFor, soon, webhookSending } from "../support/webhook-sending.ts"

const DAY_MS = 24 * 60 * 60 * 1000
const authority = makeCertificate({ name: "Shop CA", isAuthority: true })
const [lastYear, yesterday, tomorrow] = [-365, -1, 1].map((days) => new Date(Date.now() + days * DAY_MS))
const good = makeCertificate({ name: "shop.example", issuer: authority })

describe("over TLS a webhook sender", () => {
  it("sends to whom an authority vouches for that the subscription trusts", async () => {
    const { receiver, sendTo } = await shopWith({ key: good.key, cert: good.certificate })

    expect(await sendTo("shop.example")).toMatchObject({ success: true, responseData: "thanks" })
    expect(receiver.requests).toHaveLength(1)
  })

  it.each([
    [
      "is over",
      { name: "shop.example", issuer: authority, from: lastYear, until: yesterday },
      "its time is over",
    ],
    [
      "has not begun",
      { name: "shop.example", issuer: authority, from: tomorrow, until: tomorrow },
      "not come",
    ],
    ["is for another name", { name: "evil.example", issuer: authority }, "it is for another one"],
    ["signed itself", { name: "shop.example" }, "it signed it itself"],
    [
      "is of an authority that nobody knows",
      { name: "shop.example", issuer: makeCertificate({ name: "Other CA", isAuthority: true }) },
      "that we can verify",
    ],
  ])("sends nothing when the certificate %s", async (_, wish, why) => {
    const { certificate: cert, key } = makeCertificate(wish)
    const { receiver, sendTo } = await shopWith({ cert, key })

    const result = await sendTo("shop.example")

    expect(result).toMatchObject({ success: false, fault: "recipient", details: { status: null } })
    expect(result.responseData).toContain(why)
    expect(result.responseData).toContain("Nothing was sent.")
    expect(receiver.requests).toHaveLength(0)
  })

  it("checks the name of the recipient, not the address that it was resolved to", async () => {
    const byAddress = makeCertificate({ name: "127.0.0.1", issuer: authority })
    const { receiver, sendTo } = await shopWith({ cert: byAddress.certificate, key: byAddress.key })

    expect((await sendTo("shop.example")).responseData).toContain("it is for another one")
    expect(receiver.requests).toHaveLength(0)
  })

  it("sends nothing by TLS 1.1", async () => {
    const { receiver, sendTo } = await shopWith({
      key: good.key,
      cert: good.certificate,
      minVersion: "TLSv1",
      maxVersion: "TLSv1.1",
      ciphers: "DEFAULT@SECLEVEL=0",
    })

    expect((await sendTo("shop.example")).responseData).toContain("to speak TLS 1.2 or later")
    expect(receiver.requests).toHaveLength(0)
  })

  it("verifies certificates also where the environment says not to", async () => {
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0"
    onTestFinished(() => {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
    })
    const { certificate: cert, key } = makeCertificate({ name: "shop.example" })
    const { receiver, sendTo } = await shopWith({ cert, key })

    expect(await sendTo("shop.example")).toMatchObject({ success: false })
    expect(receiver.requests).toHaveLength(0)
  })

  it("sends nothing to who answers in plain text", async () => {
    const receiver = await receiverFor((socket) => socket.end(OK), {
      onConnection: (socket) => socket.once("data", () => socket.end(OK)),
    })
    const { send } = webhookSending({ resolve })

    const result = await send(`https://shop.example:${receiver.port}/`)

    expect(result).toMatchObject({ success: false, fault: "recipient" })
    expect(result.responseData).toContain("to speak TLS 1.2 or later")
  })

  it("gives up in time where the handshake hangs", async () => {
    const receiver = await receiverFor()
    const { send } = webhookSending({ resolve, connectTimeoutMs: 500 })

    const result = await send(`https://shop.example:${receiver.port}/`, { timeoutMs: 30_000 })

    expect(result.responseData).toBe(
      "Expected the recipient to take the connection in time, it did not (UND_ERR_CONNECT_TIMEOUT). Nothing was sent.",
    )
    await expect.poll(() => receiver.open, soon).toBe(0)
  })

  it("lets nobody use a connection that another's trust has opened", async () => {
    const { receiver, sendTo, send } = await shopWith({ key: good.key, cert: good.certificate })
    const recipient = `https://shop.example:${receiver.port}/`

    expect(await sendTo("shop.example")).toMatchObject({ success: true })
    expect(receiver.open).toBe(1)
    expect(await send(recipient)).toMatchObject({ success: false })
    expect(receiver.requests).toHaveLength(1)
  })

  it("shows each subscription's own certificate, and no other's", async () => {
    const shown: string[] = []
    const tls = { key: good.key, cert: good.certificate, requestCert: true, ca: authority.certificate }
    const receiver = await receiverFor(
      (socket) => {
        shown.push((socket as TLSSocket).getPeerCertificate().subject.CN as string)
        socket.write(OK)
      },
      { tls },
    )
    const { send } = webhookSending({ resolve })
    const [north, south] = ["north.example", "south.example"].map((name) => {
      const { certificate, key } = makeCertificate({ name, issuer: authority })
      return { ca: authority.certificate, certificate, credentials: { key } }
    })
    const recipient = `https://shop.example:${receiver.port}/`

    for (const options of [north, south, north, south])
      expect(await send(recipient, { subscription: { recipient, options } })).toMatchObject({ success: true })

    expect(shown).toEqual(["north.example", "south.example", "north.example", "south.example"])
  })
})

describe("the options of a recipient by TLS", () => {
  const wish = { recipient: "http://127.0.0.1/", form: "standard", headers: {} } as const
  const other = makeCertificate({ name: "other.example" })

  it("are certificates and a key that fit together", async () => {
    const { notifier } = webhookSending()
    const options = {
      ca: authority.certificate,
      certificate: good.certificate,
      credentials: { key: good.key },
    }

    await expect(notifier.check?.({ ...wish, options })).resolves.toBeUndefined()
  })

  it.each([
    [{ ca: "trust me" }, "`ca` to be certificates"],
    [{ ca: 5 }, "`ca` to be PEM"],
    [{ ca: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" }, "`ca` to be certificates"],
    [{ certificate: good.certificate }, "together with the credential `key`"],
    [{ credentials: { key: good.key } }, "together with the credential `key`"],
    [{ certificate: good.certificate, credentials: { key: other.key } }, "private key"],
    [{ certificate: good.certificate, credentials: { key: "5ecret" } }, "private key"],
    [{ insecure: true }, "got `insecure`"],
    [{ credentials: { password: "5ecret" } }, "got `password`"],
  ])("are not %#: it is said what is wrong, and no secret is told", async (options, why) => {
    const { notifier } = webhookSending()

    const error = await Promise.resolve(notifier.check?.({ ...wish, options })).catch((error: Error) => error)

    expect(String(error)).toContain(why)
    expect((error as Error).stack).not.toMatch(/5ecret|PRIVATE KEY/)
  })
})

async function resolve() {
  return [{ address: "127.0.0.1", family: 4 as const }]
}

async function shopWith(tls: HostileOptions["tls"]) {
  const receiver = await receiverFor((socket) => socket.write(OK), { tls })
  const { send } = webhookSending({ resolve })
  const sendTo = (name: string) => {
    const recipient = `https://${name}:${receiver.port}/`
    const subscription: NotificationParts["subscription"] = {
      recipient,
      options: { ca: authority.certificate },
    }
    return send(recipient, { subscription })
  }
  return { receiver, send, sendTo }
}
