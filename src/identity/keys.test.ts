import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { KeyRing } from "./key-ring.ts"
import { Keys, type KeysOptions } from "./keys.ts"

const folder = mkdtempSync(join(tmpdir(), "carillon-keys-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0

const [one, other] = ["one-secret-of-at-least-thirty-two-letters", "another-secret-of-thirty-two-letters"]

function setup(options: Partial<KeysOptions> = {}) {
  const warnings: string[] = []
  const file = options.file === undefined ? join(folder, String(++files), "shop.db.secret") : options.file
  const keys = new Keys({
    secret: null,
    env: {},
    warn: (message) => warnings.push(message),
    ...options,
    file,
  })
  return { keys, file: file ?? "", warnings }
}

describe("the keys of a process", () => {
  it("come from the option, else from the environment", async () => {
    const given = setup({ secret: one, env: { CARILLON_SECRET: other } })
    const inEnv = setup({ env: { CARILLON_SECRET: other, NODE_ENV: "production" } })

    expect((await given.keys.ring()).keyId).toBe(new KeyRing(one).keyId)
    expect((await inEnv.keys.ring()).keyId).toBe(new KeyRing(other).keyId)
    expect([given.keys.origin, inEnv.keys.origin]).toEqual(["option", "environment"])
    expect([...given.warnings, ...inEnv.warnings]).toEqual([])
  })

  it("come in development from a file that only its owner reads, which is made with a warning, once", async () => {
    const { keys, file, warnings } = setup()

    const { keyId } = await keys.ring()

    expect(keys.origin).toBe("file")
    expect(warnings).toEqual([expect.stringContaining(file)])
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(warnings.join()).not.toContain(readFileSync(file, "utf8").trim())
    const again = setup({ file })
    expect((await again.keys.ring()).keyId).toBe(keyId)
    expect(again.warnings).toEqual([])
  })

  it("are the same for all processes that come at the same moment", async () => {
    const { file } = setup()
    const many = Array.from({ length: 20 }, () => setup({ file }))

    const rings = await Promise.all(many.map(({ keys }) => keys.ring()))

    expect(new Set(rings.map(({ keyId }) => keyId)).size).toBe(1)
    expect(many.flatMap(({ warnings }) => warnings)).toHaveLength(1)
    expect(readdirSync(join(file, ".."))).toEqual(["shop.db.secret"])
  })

  it("are not made before they are needed", async () => {
    const { keys, file } = setup()

    expect(await keys.existing()).toBeNull()
    expect(keys.origin).toBeNull()
    expect(() => statSync(file)).toThrow("ENOENT")
  })

  it("are not there in production without a secret, whatever file there is", async () => {
    const { file } = setup()
    await setup({ file }).keys.ring()

    const { keys } = setup({ file, env: { NODE_ENV: "production" } })

    await expect(keys.ring()).rejects.toMatchObject({
      code: "CARILLON_CONFIG",
      message: expect.stringMatching(/CARILLON_SECRET.*openssl rand -base64 48/),
    })
    expect(await keys.existing()).toBeNull()
  })

  it.runIf(process.platform !== "win32")("are not taken from a file that others may read", async () => {
    const { keys, file } = setup()
    await keys.ring()
    const again = setup({ file })

    for (const mode of [0o640, 0o604]) {
      chmodSync(file, mode)
      await expect(again.keys.ring()).rejects.toMatchObject({
        code: "CARILLON_CONFIG",
        message: expect.stringContaining(`chmod 600 ${file}`),
      })
    }

    chmodSync(file, 0o600)
    expect(await again.keys.ring()).toBeInstanceOf(KeyRing)
  })

  it.each(["", "\n", "too-short"])("name the file where they cannot be made of it: %j", async (content) => {
    const { keys, file } = setup({ file: join(folder, `unfit-${++files}`) })
    writeFileSync(file, content, { mode: 0o600 })

    await expect(keys.ring()).rejects.toMatchObject({
      code: "CARILLON_CONFIG",
      message: expect.stringMatching(new RegExp(`${file}.* got (none|an empty|one of 9)`)),
    })
    await expect(keys.ring()).rejects.not.toMatchObject({
      message: expect.stringContaining("in `CARILLON_SECRET`"),
    })
  })

  it("of a store in memory end with it", async () => {
    const [first, second] = [setup({ file: null }), setup({ file: null })]

    const rings = [await first.keys.ring(), await second.keys.ring()]

    expect(rings[0]?.keyId).not.toBe(rings[1]?.keyId)
    expect(first.keys.origin).toBe("memory")
    expect(first.warnings).toEqual([])
  })

  it("say which file cannot be used, and can be asked for again once it can", async () => {
    const blocked = join(folder, "blocked")
    writeFileSync(blocked, "a file where a folder is to be")
    const { keys } = setup({ file: join(blocked, "secret") })

    await expect(keys.ring()).rejects.toMatchObject({
      code: "CARILLON_CONFIG",
      message: expect.stringContaining(join(blocked, "secret")),
    })

    rmSync(blocked)
    expect((await keys.ring()).keyId).toMatch(/^[\w-]{11}$/)
  })
})
