import { spawnSync } from "node:child_process"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { legacySignature } from "../../src/webhooks/signing.ts"
import { verifyLegacyWebhook } from "../../src/webhooks/verify.ts"
import { skipAloud } from "../support/describe.ts"

/** What a shop and its receivers are written in. */
const php = "php"
const has = spawnSync(php, ["--version"]).status === 0
const token = "fv38u07Wdh$R@mRd"

/** What this program prints of what it is given, line by line. */
function answersOf(program: string, lines: readonly string[]): readonly string[] {
  const wrapped = `while (($line = fgets(STDIN)) !== false) { $given = base64_decode(trim($line)); ${program} echo "\\n"; }`
  const input = lines.map((line) => Buffer.from(line).toString("base64")).join("\n")
  const { stdout, stderr } = spawnSync(php, ["-r", wrapped], { input, encoding: "utf8" })
  expect(stderr).toBe("")
  return stdout.trimEnd().split("\n")
}

const body = (): void => {
  const data = fc.sample(fc.jsonValue(), { numRuns: 200, seed: 1 })

  it("verifies what Carillon signs, over the bytes as they came", () => {
    const bodies = [...data, { name: "zoë", url: "https://x/y" }].map((each) =>
      JSON.stringify({ data: each }),
    )
    const signatures = bodies.map((each) => legacySignature(Buffer.from(each), token))

    const theirs = answersOf(`echo hash_hmac('sha256', $given, '${token}');`, bodies)

    expect(theirs).toEqual(signatures)
  })

  it("signs what Carillon verifies, written as PHP writes JSON", async () => {
    const given = [...data, { name: "zoë", url: "https://x/y" }].map((each) => JSON.stringify(each))
    const sign = `$body = json_encode(['data' => json_decode($given)]);
      echo base64_encode($body), ' ', hash_hmac('sha256', $body, '${token}');`

    const answers = answersOf(sign, given).map((line) => line.split(" "))

    expect(answers).toHaveLength(given.length)
    for (const [base64 = "", signature] of answers) {
      const signed = {
        headers: { "x-magento-signature": signature },
        body: Buffer.from(base64, "base64"),
        token,
      }
      const { payload } = await verifyLegacyWebhook(signed)
      expect(payload).toHaveProperty("data")
    }
    const [base64 = ""] = answers.at(-1) ?? []
    expect(Buffer.from(base64, "base64").toString()).toBe(
      String.raw`{"data":{"name":"zo\u00eb","url":"https:\/\/x\/y"}}`,
    )
  })
}

if (has) describe("PHP", body)
else skipAloud("PHP", "It is not installed: apt-get install php-cli.", body)
