import type { DeliveryReport } from "../../bus/delivery-report.ts"
import type { TailEntry } from "../../bus/tail.ts"
import { paint, print, printJson, visible } from "../output.ts"
import { withStore } from "../store.ts"
import { localTime } from "../time.ts"
import { type ScopedFlags, within } from "../within.ts"

interface TailFlags extends ScopedFlags {
  readonly name?: string
  readonly since?: Date
}

export async function tail(flags: TailFlags): Promise<void> {
  const { name, since } = flags
  const stop = new AbortController()
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort())
  await withStore(flags, async (carillon) => {
    for await (const entry of carillon.tail({ name, since, ...within(flags), signal: stop.signal })) {
      if (flags.json) printJson(entry)
      else for (const line of linesOf(entry)) print(line)
    }
  })
}

function linesOf(entry: TailEntry): string[] {
  if (entry.kind === "outcome") return [deliveryLine(entry.delivery)]
  const { at, name, id, data } = entry.event
  const head = `${localTime(at)}  ${paint("bold", visible(name))}  ${visible(id)}  ${visible(JSON.stringify(data) ?? "")}`
  return [head, ...entry.deliveries.map(deliveryLine)]
}

function deliveryLine({ state, subscription, eventId, why, error }: DeliveryReport): string {
  const colour = state === "delivered" ? "green" : state === "dead" ? "red" : "yellow"
  const reason = [why, error].filter(Boolean).join(": ")
  return `  ${paint(colour, state.padEnd(9))} ${subscription}  ${visible(eventId)}${reason && `  ${visible(reason)}`}`
}
