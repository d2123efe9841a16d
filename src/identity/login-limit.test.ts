import { describe, expect, it } from "vitest"
import { LoginLimit } from "./login-limit.ts"

const admin = "admin@shop.example"

function setup() {
  const time = { now: 1_000 }
  const limit = new LoginLimit(() => time.now)
  const triesOf = (count: number, email: (i: number) => string, address: (i: number) => string): number =>
    Array.from({ length: count }, (_, i) => limit.take(email(i), address(i))).filter((wait) => wait === 0)
      .length
  return { time, limit, triesOf }
}

describe("log-ins that fail", () => {
  it("are ten at once for one address of a user, from wherever they come, then one a minute", () => {
    const { time, limit, triesOf } = setup()

    expect(
      triesOf(
        50,
        () => admin,
        (i) => `10.0.0.${i}`,
      ),
    ).toBe(10)

    const wait = limit.take(admin, "10.0.1.1")
    expect(wait).toBeGreaterThan(0)
    expect(wait).toBeLessThanOrEqual(60_000)
    time.now += wait
    expect(limit.take(admin, "10.0.1.2")).toBe(0)
  })

  it("are thirty at once from one place, whoever they are for", () => {
    const { triesOf } = setup()

    expect(
      triesOf(
        100,
        (i) => `user${i}@shop.example`,
        () => "10.0.0.1",
      ),
    ).toBe(30)
  })

  it("count for the whole network that one customer has", () => {
    const { triesOf } = setup()

    expect(
      triesOf(
        100,
        (i) => `user${i}@shop.example`,
        (i) => `2001:db8:1:2::${i.toString(16)}`,
      ),
    ).toBe(30)
    expect(
      triesOf(
        1,
        () => "other@shop.example",
        () => "2001:db8:1:3::1",
      ),
    ).toBe(1)
    expect(
      triesOf(
        100,
        (i) => `user${i}@shop.example`,
        () => "::ffff:10.0.0.9",
      ),
    ).toBe(30)
    expect(
      triesOf(
        1,
        () => "other@shop.example",
        () => "10.0.0.9",
      ),
    ).toBe(0)
  })

  it("leave a user alone who knows the password", () => {
    const { limit } = setup()

    for (let i = 0; i < 1_000; i++) {
      expect(limit.take(admin, "10.0.0.1")).toBe(0)
      limit.giveBack(admin, "10.0.0.1")
    }
  })

  it("of a whole botnet are remembered in bounded memory", () => {
    const { limit, triesOf } = setup()

    triesOf(
      30_000,
      (i) => `user${i}@shop.example`,
      (i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
    )

    expect(limit.remembered).toBe(10_000)
  })
})
