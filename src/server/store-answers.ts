import { setTimeout as wait } from "node:timers/promises"
import type { Carillon } from "../carillon.ts"

const ANSWER_WITHIN_MS = 2_000

/** Whether the store answers. */
export async function storeAnswers(carillon: Carillon): Promise<boolean> {
  const asked = carillon.records.queries.record("health", "store").then(
    () => true,
    () => false,
  )
  return Promise.race([asked, wait(ANSWER_WITHIN_MS, false, { ref: false })])
}
