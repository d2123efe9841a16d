import { describe, expect, it } from "vitest"
import { type NameAnswer, type NameAnswerer, nameServer } from "../../../test/support/name-server.ts"
import { Names } from "./names.ts"

describe("names", () => {
  it("have their addresses of both kinds, those of IPv4 first", async () => {
    const { resolve } = await namesOf({ "shop.example": { A: ["1.1.1.1", "1.1.1.2"], AAAA: [V6] } })

    expect(await resolve("shop.example")).toEqual([
      { address: "1.1.1.1", family: 4 },
      { address: "1.1.1.2", family: 4 },
      { address: "2606:4700::1111", family: 6 },
    ])
  })

  it("are found without the other kind, whether that is unknown, fails, or never comes", async () => {
    for (const other of ["unknown", "failure", "silence"] as const) {
      const { resolve } = await namesOf({
        "four.example": { A: ["1.1.1.1"], AAAA: other },
        "six.example": { A: other, AAAA: [V6] },
      })

      expect(await resolve("four.example")).toEqual([{ address: "1.1.1.1", family: 4 }])
      expect(await resolve("six.example")).toEqual([{ address: "2606:4700::1111", family: 6 }])
    }
  })

  it("are asked for once by all who want the same at the same time, and anew by who comes later", async () => {
    const { resolve, asked } = await namesOf({ "shop.example": { A: ["1.1.1.1"], AAAA: [] } })

    await Promise.all([resolve("shop.example"), resolve("shop.example"), resolve("shop.example")])
    expect(asked.filter((each) => each === "A shop.example")).toHaveLength(1)
    await resolve("shop.example")
    expect(asked.filter((each) => each === "A shop.example")).toHaveLength(2)
  })

  it("of one word are the system's own", async () => {
    const { resolve, asked } = await namesOf({}, { magento: "10.0.0.7" })

    expect(await resolve("magento")).toEqual([{ address: "10.0.0.7", family: 4 }])
    expect(asked).toEqual([])
  })

  it("that the DNS does not know may stand in the hosts file", async () => {
    const { resolve } = await namesOf({}, { "shop.internal": "10.0.0.7" })

    expect(await resolve("shop.internal")).toEqual([{ address: "10.0.0.7", family: 4 }])
  })

  it("that nobody knows are their owner's fault", async () => {
    const { resolve } = await namesOf({})

    await expect(resolve("shop.example")).rejects.toMatchObject({
      fault: "recipient",
      message: "Expected the recipient's name to have an address (ENOTFOUND). Nothing was sent.",
    })
  })

  it.each(["failure", "silence"] as const)(
    "whose servers answer with %s are their owner's fault, as long as ours answers",
    async (answer) => {
      const { resolve, asked } = await namesOf({ "shop.example": { A: answer, AAAA: answer } })

      await expect(resolve("shop.example")).rejects.toMatchObject({ fault: "recipient" })
      expect(asked).toContain("NS ")
    },
  )

  it.each(["failure", "silence"] as const)(
    "are our fault when our DNS knows but %s, even of the root",
    async (answer) => {
      const { resolve } = await namesOf({
        "shop.example": { A: answer, AAAA: answer },
        "": { NS: answer },
      })

      await expect(resolve("shop.example")).rejects.toMatchObject({ fault: "sender" })
    },
  )

  it("are our fault when there is no DNS where it should be", async () => {
    const names = new Names({ servers: ["127.0.0.1:9"], lookup: none })

    await expect(names.resolve("shop.example")).rejects.toMatchObject({
      fault: "sender",
      message: "Expected this machine's DNS to answer, it does not. Nothing was sent.",
    })
  })

  it("whose servers never answer hold up no other name, and none of the system's threads", async () => {
    const { resolve, looked } = await namesOf({ "shop.example": { A: ["1.1.1.1"], AAAA: [] } }, {}, "silence")
    let pending = 100
    const hanging = Array.from({ length: 100 }, (_, i) =>
      resolve(`hanging-${i}.example`)
        .catch(() => undefined)
        .finally(() => pending--),
    )

    expect(await resolve("shop.example")).toEqual([{ address: "1.1.1.1", family: 4 }])
    expect(pending).toBe(100)
    await Promise.all(hanging)
    expect(looked).toEqual([])
  })

  it("keep at most two of the system's threads", async () => {
    let [now, most] = [0, 0]
    const names = new Names({
      servers: ["127.0.0.1:9"],
      lookup: async () => {
        most = Math.max(most, ++now)
        await new Promise((resolve) => setTimeout(resolve, 20))
        now--
        return [{ address: "10.0.0.7", family: 4 }]
      },
    })

    const found = await Promise.all(Array.from({ length: 10 }, (_, i) => names.resolve(`shop${i}`)))

    expect(found.map(([first]) => first?.address)).toEqual(Array(10).fill("10.0.0.7"))
    expect(most).toBe(2)
  })
})

const V6 = "2606:4700:0:0:0:0:0:1111"

type Zone = Readonly<Record<string, Partial<Record<"A" | "AAAA" | "NS", NameAnswer>>>>

/** Names as a server of this zone and this machine's hosts file know them. */
async function namesOf(
  zone: Zone,
  hosts: Readonly<Record<string, string>> = {},
  otherwise: NameAnswer = "unknown",
) {
  const answer: NameAnswerer = (name, kind) => {
    if (name === "" && zone[""] === undefined) return ["root"]
    return zone[name]?.[kind] ?? otherwise
  }
  const { address, asked } = await nameServer(answer)
  const looked: string[] = []
  const lookup = async (name: string) => {
    looked.push(name)
    const found = hosts[name]
    return found === undefined ? none() : [{ address: found, family: 4 as const }]
  }
  return { resolve: new Names({ servers: [address], lookup }).resolve, asked, looked }
}

async function none(): Promise<never> {
  throw Object.assign(new Error("no such name"), { code: "ENOTFOUND" })
}
