import { UnserialisableError } from "../core/errors.ts"
import { pathOf, queryOf } from "./address.ts"
import type { Answer, Body, CallOptions, Item, Params, Query } from "./asked.ts"
import { type Call, type CallId, calls } from "./calls.ts"
import { List, type Page } from "./list.ts"
import type { Outgoing, Transport } from "./transport.ts"

/** What one call of a route brings along. */
export interface Parts<K extends CallId> extends CallOptions {
  readonly params?: Params<K>
  readonly query?: Query<K>
  readonly body?: Body<K>
  readonly headers?: Readonly<Record<string, string>>
  readonly patienceMs?: number
}

/** Calls routes by their names. */
export class Caller {
  readonly #transport: Transport

  constructor(transport: Transport) {
    this.#transport = transport
  }

  async call<K extends CallId>(id: K, parts: Parts<K>): Promise<Answer<K>> {
    return (await this.#transport.json(outgoing(id, parts))) as Answer<K>
  }

  /** What is no JSON. */
  text<K extends CallId>(id: K, parts: Parts<K>): Promise<string> {
    return this.#transport.text(outgoing(id, { ...parts, headers: { accept: "text/plain" } }))
  }

  list<K extends CallId>(id: K, parts: Parts<K>): List<Item<K>> {
    const { query, ...rest } = parts
    const { cursor, ...filters } = (query ?? {}) as { cursor?: string }
    const get = async (from: string | undefined): Promise<Page<Item<K>>> => {
      const asked = { ...rest, query: { ...filters, cursor: from } } as unknown as Parts<K>
      return (await this.call(id, asked)) as Page<Item<K>>
    }
    return new List(get, cursor)
  }

  open<K extends CallId>(id: K, parts: Parts<K>): Promise<Response> {
    return this.#transport.open(outgoing(id, parts))
  }
}

function outgoing<K extends CallId>(id: K, parts: Parts<K>): Outgoing {
  const { method, path, repeatable }: Call = calls[id]
  const { params, query, body, headers, ...rest } = parts
  const isSent = body !== undefined
  return {
    method,
    path: pathOf(path, params as object | undefined) + queryOf(query as object | undefined),
    headers: {
      accept: "application/json",
      ...(isSent ? { "content-type": "application/json" } : {}),
      ...headers,
    },
    body: isSent ? jsonOf(body) : undefined,
    repeatable,
    signal: rest.signal,
    timeoutMs: rest.timeoutMs,
    retries: rest.retries,
    patienceMs: rest.patienceMs,
  }
}

function jsonOf(body: unknown): string {
  try {
    return JSON.stringify(body)
  } catch (cause) {
    throw new UnserialisableError(
      "Expected what is sent to be plain JSON, got a bigint, a circle, or a `toJSON` that throws.",
      { cause },
    )
  }
}
