import { createRequire } from "node:module"

/** One event as every contender gets it. `seq` lets a handler say which event it saw without parsing ids. */
export interface BenchEvent {
  readonly name: string
  readonly data: { readonly seq: number }
}

export type PayloadName = "order" | "github"

export interface Payload {
  /** The name to subscribe to for all events of this payload. */
  readonly pattern: string
  /** Mean length of `JSON.stringify(event.data)`, for limits counted in bytes. */
  readonly meanBytes: number
  event(seq: number): BenchEvent
}

export function payloadNamed(name: PayloadName): Payload {
  return name === "order" ? orderPayload() : githubPayload()
}

/** The small event: 200 bytes of JSON. */
function orderPayload(): Payload {
  const event = (seq: number) => ({
    name: "order.placed",
    data: {
      seq,
      id: `ord_${String(seq).padStart(9, "0")}`,
      customer: "cus_01HZX3K9Q2",
      currency: "eur",
      total: 12_950,
      email: "ada@example.com",
      items: [{ sku: "BELL-12", quantity: 2 }],
      note: "leave it at the back door",
    },
  })

  return { pattern: "order.placed", meanBytes: JSON.stringify(event(100_000).data).length, event }
}

/** The realistic mix: every payload that GitHub's webhooks were recorded with, one after another. */
function githubPayload(): Payload {
  const recorded = recordedWebhooks()
  const bytes = recorded.reduce((sum, { payload }) => sum + JSON.stringify(payload).length, 0)
  const event = (seq: number) => {
    const { name, payload } = recorded[seq % recorded.length] as RecordedWebhook
    return { name: `github.${name}`, data: { seq, payload } }
  }

  return { pattern: "github.*", meanBytes: Math.round(bytes / recorded.length), event }
}

interface RecordedWebhook {
  readonly name: string
  readonly payload: unknown
}

function recordedWebhooks(): RecordedWebhook[] {
  // CommonJS whose declaration says `export default`: required, it is the array itself.
  const definitions = createRequire(import.meta.url)("@octokit/webhooks-examples") as {
    readonly name: string
    readonly examples: readonly unknown[]
  }[]

  return definitions.flatMap(({ name, examples }) => examples.map((payload) => ({ name, payload })))
}
