import { describe, expect, it } from "vitest"
import { codeOf } from "../core/errors.ts"
import { resolveWebhookSettings, type WebhookSettings } from "./settings.ts"

function resolve(given?: false | WebhookSettings, env: Record<string, string> = {}, capacity = 1_000) {
  return resolveWebhookSettings(given, { capacity, env })
}

function refusal(given: unknown, env: Record<string, string> = {}): { code: string | null; message: string } {
  try {
    resolve(given as WebhookSettings, env)
  } catch (error) {
    return { code: codeOf(error), message: (error as Error).message }
  }
  return { code: null, message: "" }
}

describe("the settings of webhooks", () => {
  it("are all decided, and leave a quarter of the process to handlers", () => {
    expect(resolve()).toMatchObject({
      sends: true,
      concurrency: 750,
      restMs: 30_000,
      disableAfterMs: 432_000_000,
      disableAfterAttempts: 10,
      network: { allow: [], schemes: ["https"] },
    })
    expect(resolve({}, {}, 1).concurrency).toBe(1)
    expect(resolve(false).sends).toBe(false)
    expect(resolve({ disableAfterMs: false }).disableAfterMs).toBeNull()
  })

  it("let the environment open networks for development, and nobody in production", () => {
    const CARILLON_WEBHOOKS_ALLOW = "10.0.0.0/8, 192.168.1.7"

    const { network, opened } = resolve({ network: { allow: ["172.16.0.1"] } }, { CARILLON_WEBHOOKS_ALLOW })

    expect(opened).toEqual(["10.0.0.0/8", "192.168.1.7"])
    expect(network.allow).toEqual(["172.16.0.1", "10.0.0.0/8", "192.168.1.7"])
    const { code, message } = refusal({}, { CARILLON_WEBHOOKS_ALLOW, NODE_ENV: "production" })
    expect([code, message]).toEqual(["CARILLON_CONFIG", expect.stringContaining("webhooks.network.allow")])
  })

  it.each<[unknown, string]>([
    [null, "`webhooks` to be an object or false"],
    [true, "`webhooks` to be an object or false"],
    [{ notifier: [] }, "got `notifier`"],
    [{ notifiers: {} }, "`webhooks.notifiers` to be an array"],
    [{ network: [] }, "`webhooks.network` to be an object"],
    [{ concurrency: 0 }, "`webhooks.concurrency` to be a whole number from 1 up"],
    [{ restMs: 1.5 }, "`webhooks.restMs`"],
    [{ disableAfterMs: -1 }, "`webhooks.disableAfterMs`"],
    [{ disableAfterAttempts: "ten" }, "`webhooks.disableAfterAttempts`"],
  ])("refuse %j", (given, words) => {
    expect(refusal(given)).toEqual({ code: "CARILLON_CONFIG", message: expect.stringContaining(words) })
  })

  it("refuse an environment that names no network", () => {
    expect(refusal({}, { CARILLON_WEBHOOKS_ALLOW: "everything" }).code).toBe("CARILLON_CONFIG")
  })
})
