import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import type { Carillon } from "../../src/carillon.ts"

/** How many past orders the till's archive is asked to take. */
export const ARCHIVED = 1_200

/** The subscribers of a second app on the file. */
export function subscribeTill(till: Carillon, call: (subscriber: string, order: string) => unknown): void {
  const on = (subscriber: string, name: string, policy = {}) =>
    till.events.subscribe<{ order: string }>(name, ({ data }) => call(subscriber, data.order), {
      subscriberId: subscriber,
      policy,
    })
  on("printer", "receipt.printed")
  on("drawer", "drawer.opened", { order: "hold" })
  on("archive", "order.archived")
}

/** Runs the till until it is killed: everything that it was doing is still to be done. */
export async function killTill(database: string): Promise<void> {
  const env = { ...process.env, CARILLON_FAULT: "replay.middle=kill" }
  const till: ChildProcess = fork(new URL("copy-actor.ts", import.meta.url), [database], { env })
  const [, signal] = await once(till, "exit")
  if (signal !== "SIGKILL") throw new Error(`Expected the till to be killed, but it ended with ${signal}.`)
}

export function never(): Promise<never> {
  return new Promise(() => {})
}
