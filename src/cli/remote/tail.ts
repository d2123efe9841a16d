import type { TailEntry, TailOptions } from "../../bus/tail.ts"
import type { CarillonClient } from "../../client/client.ts"
import type { StreamEntry } from "../../client/told.ts"
import { revived } from "../revived.ts"
import { scopeOf } from "./scope.ts"

export async function* remoteTail(
  client: CarillonClient,
  { name, since, scopes, signal }: TailOptions = {},
): AsyncGenerator<TailEntry, void, undefined> {
  const from = typeof since === "number" ? new Date(since) : since
  const query = { name, since: from, scope: scopeOf({ scopes }) }
  for await (const entry of client.stream(query, { signal })) yield entryOf(entry)
}

function entryOf(entry: StreamEntry): TailEntry {
  const { id: position } = entry
  if (entry.kind === "delivery") return { kind: "outcome", delivery: revived(entry.delivery), position }
  return { kind: "event", event: revived(entry.event), deliveries: revived(entry.deliveries), position }
}
