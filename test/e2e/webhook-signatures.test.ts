import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { stripTypeScriptTypes } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join, posix } from "node:path"
import fc from "fast-check"
import { Webhook as Standard } from "standardwebhooks"
import { Webhook as Svix } from "svix"
import { describe, expect, it } from "vitest"
import { newSecret } from "../../src/webhooks/secrets.ts"
import { signatureHeader } from "../../src/webhooks/signing.ts"
import { verifyWebhook } from "../../src/webhooks/verify.ts"
import { cleanUp } from "../support/app-process.ts"

const peers = { standardwebhooks: Standard, svix: Svix }
const now = new Date(Math.floor(Date.now() / 1000) * 1000)
const seconds = now.getTime() / 1000

/** What others take for a body: their libraries read text, so what is no UTF-8 is left to the tests of ours. */
const requests = fc.record({
  id: fc.stringMatching(/^[A-Za-z0-9_-]{1,40}$/),
  body: fc.jsonValue().map((value) => JSON.stringify({ type: "order.placed", data: value })),
  key: fc.uint8Array({ minLength: 24, maxLength: 64 }),
})

const secretOf = (key: Uint8Array): string => `whsec_${Buffer.from(key).toString("base64")}`

function headersOf({ id, body, secrets }: { id: string; body: string; secrets: readonly string[] }) {
  const signature = signatureHeader({ id, timestamp: seconds, body: Buffer.from(body), secrets })
  return { "webhook-id": id, "webhook-timestamp": `${seconds}`, "webhook-signature": signature }
}

const underSvix = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.replace("webhook", "svix"), value]))

describe.each(["standardwebhooks", "svix"] as const)("the package %s", (name) => {
  const Peer = peers[name]

  it("verifies what Carillon signs, and refuses it once it was changed", () => {
    fc.assert(
      fc.property(requests, ({ id, body, key }) => {
        const secret = secretOf(key)
        const headers = headersOf({ id, body, secrets: [secret] })
        expect(() => new Peer(secret).verify(body, headers)).not.toThrow()
        expect(() => new Peer(secret).verify(`${body} `, headers)).toThrow("No matching signature found")
      }),
    )
  })

  it("verifies it under either secret while one replaces the other, and beside an ed25519 signature", () => {
    const [older, newer, key] = [newSecret(), newSecret(), newSecret("ed25519")]
    const body = '{"type":"order.placed"}'
    const headers = headersOf({ id: "evt_01", body, secrets: [key, newer, older] })

    for (const secret of [older, newer]) expect(() => new Peer(secret).verify(body, headers)).not.toThrow()
    expect(() => new Peer(newSecret()).verify(body, headers)).toThrow("No matching signature found")
  })

  it("signs what Carillon verifies, and what it refuses once it was changed", async () => {
    await fc.assert(
      fc.asyncProperty(requests, async ({ id, body, key }) => {
        const secret = secretOf(key)
        const signature = new Peer(secret).sign(id, now, body)
        const plain = { "webhook-id": id, "webhook-timestamp": `${seconds}`, "webhook-signature": signature }
        for (const headers of [plain, underSvix(plain)]) {
          const { payload, ...rest } = await verifyWebhook({ headers, body, secret, now })
          expect(rest).toEqual({ id, timestamp: now })
          expect(payload).toEqual(JSON.parse(body))
          const changed = verifyWebhook({ headers, body: `${body} `, secret, now })
          await expect(changed).rejects.toMatchObject({ reason: "no-match" })
        }
      }),
    )
  })
})

describe("the package svix", () => {
  it("verifies what Carillon signs under its own header names", () => {
    const secret = newSecret()
    const headers = underSvix(headersOf({ id: "evt_01", body: "{}", secrets: [secret] }))

    expect(() => new Svix(secret).verify("{}", headers)).not.toThrow()
    expect(() => new Svix(secret).verify("[]", headers)).toThrow("No matching signature found")
  })
})

describe("the package standardwebhooks", () => {
  it("verifies the legacy form by its token, which is no secret of theirs", () => {
    const token = "fv38u07Wdh$R@mRd"
    const body = '{"data":{"increment_id":"000000001"}}'
    const headers = headersOf({ id: "evt_01", body, secrets: [token] })

    expect(new Standard(token, { format: "raw" }).verify(body, headers)).toEqual(JSON.parse(body))
  })
})

describe("the verifier", () => {
  const src = join(import.meta.dirname, "../../src")

  it("asks for nothing of Node, whatever a receiver runs on", () => {
    const modules = modulesFrom("webhooks/index.ts")

    expect([...modules.keys()]).toContain("webhooks/verify.ts")
    expect([...modules.values()].flatMap(({ others }) => others)).toEqual([])
    const code = [...modules.values()].map((each) => each.code).join("\n")
    expect(code).not.toMatch(/\b(Buffer|process|require|__dirname)\b/)
  })

  it("works where there are no globals of Node's", () => {
    const folder = mkdtempSync(join(tmpdir(), "carillon-"))
    cleanUp(() => rmSync(folder, { recursive: true, force: true }))
    for (const [file, { code }] of modulesFrom("webhooks/index.ts")) {
      mkdirSync(dirname(join(folder, file)), { recursive: true })
      writeFileSync(
        join(folder, file.replace(/ts$/, "js")),
        code.replaceAll(/(from "\.[^"]+)\.ts"/g, '$1.js"'),
      )
    }
    writeFileSync(join(folder, "package.json"), '{"type":"module"}')
    const headers = headersOf({ id: "evt_01", body: "{}", secrets: [newSecret()] })
    const key = newSecret()
    const right = headersOf({ id: "evt_01", body: "{}", secrets: [key] })
    const script = `
      for (const name of ["Buffer", "process", "require", "module"]) delete globalThis[name]
      const { verifyWebhook } = await import("./webhooks/index.js")
      const ask = (headers) => verifyWebhook({ headers, body: "{}", secret: ${JSON.stringify(key)} })
        .then(({ id }) => id, ({ reason }) => reason)
      console.log(await ask(${JSON.stringify(right)}), await ask(${JSON.stringify(headers)}))`
    const ask = ["--input-type=module", "--eval", script]

    const { stdout, stderr } = spawnSync(process.execPath, ask, { cwd: folder, encoding: "utf8" })

    expect({ stdout, stderr }).toEqual({ stdout: "evt_01 no-match\n", stderr: "" })
  })

  /** What a file loads, as a build leaves it: types are gone. */
  function modulesFrom(entry: string, found = new Map<string, { code: string; others: string[] }>()) {
    if (found.has(entry)) return found
    const code = stripTypeScriptTypes(readFileSync(join(src, entry), "utf8"))
      .replaceAll(/\/\*\*[\s\S]*?\*\//g, "")
      .replaceAll(/^(import|export)\s*\{\s*\}\s*from.*$/gm, "")
      .replaceAll(/^import\s+"[^"]+"$/gm, "")
    const specifiers = Array.from(
      code.matchAll(/\b(?:from|import\()\s*"([^"]+)"/g),
      ([, each]) => each as string,
    )
    found.set(entry, { code, others: specifiers.filter((each) => !each.startsWith(".")) })
    for (const each of specifiers.filter((each) => each.startsWith(".")))
      modulesFrom(posix.join(posix.dirname(entry), each), found)
    return found
  }
})
