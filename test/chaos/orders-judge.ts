import { isEnded } from "../../src/core/run.ts"
import type { Engine } from "../../src/engine/engine.ts"
import type { RunRow } from "../../src/engine/runs.ts"
import type { Entry } from "./book.ts"
import { events } from "./observer.ts"
import { fateOf, ORDER_STEPS, type OrderFate, type OrderStep } from "./orders-fate.ts"

export interface Verdict {
  readonly done: number
  readonly reverted: number
  readonly stuck: number // runs that have not ended, and orders without a run
  readonly repeats: number // how often the outside was asked again under the same key
  readonly wrong: readonly string[]
}

/** Is each order either wholly done, or wholly undone, and did the outside and the listeners hear just that? */
export async function judge(
  store: Engine,
  book: readonly Entry[],
  orders: readonly string[],
): Promise<Verdict> {
  const runs = await allRuns(store)
  const byOrder = new Map<string, RunRow[]>()
  for (const run of runs) byOrder.set(run.transactionId, [...(byOrder.get(run.transactionId) ?? []), run])
  const told = Map.groupBy(
    book.filter((each) => each.verb === "done"),
    (each) => each.event,
  )
  const kept = (await events(store)).rows.flatMap(({ name, data }) =>
    name === "order.placed" ? [(JSON.parse(data ?? "{}") as { n: string }).n] : [],
  )
  const placed = Map.groupBy(kept, (order) => order)
  const wrong = book.flatMap((each) => (each.verb === "note" ? [`${each.event}: ${each.subscriber}`] : []))
  for (const order of orders) {
    const [run, ...others] = byOrder.get(order) ?? []
    if (run === undefined || !isEnded(run.state)) continue
    if (others.length > 0) wrong.push(`${order} has ${others.length + 1} runs`)
    const fate = fateOf(order)
    const state = fate.failsAt === null ? "done" : "reverted"
    if (run.state !== state) wrong.push(`${order} is ${run.state}, not ${state}: ${run.error}`)
    wrong.push(...wrongIn(order, fate, run, told.get(order) ?? []))
    const count = placed.get(order)?.length ?? 0
    if (count !== (state === "done" ? 1 : 0)) wrong.push(`${order} made ${count} events`)
  }
  const count = (state: RunRow["state"]): number => runs.filter((run) => run.state === state).length
  const open = orders.filter((order) => !byOrder.get(order)?.every((run) => isEnded(run.state)))
  for (const order of open)
    wrong.push(`${order} is stuck: ${JSON.stringify(byOrder.get(order) ?? "without a run")}`)
  return {
    done: count("done"),
    reverted: count("reverted"),
    stuck: open.length,
    repeats: [...told.values()].reduce((sum, calls) => sum + calls.length - keysOf(calls).length, 0),
    wrong,
  }
}

function wrongIn(
  order: string,
  { failsAt, failsLate }: OrderFate,
  { id }: RunRow,
  calls: readonly Entry[],
): string[] {
  const wrong: string[] = []
  const last = failsAt === null ? ORDER_STEPS.length : ORDER_STEPS.indexOf(failsAt)
  const acted = withoutEmit(ORDER_STEPS.slice(0, failsAt !== null && failsLate ? last + 1 : last))
  const undone = failsAt === null ? [] : withoutEmit(ORDER_STEPS.slice(0, last + 1)).toReversed()
  const wanted = [
    ...acted.map((step) => `${step} place-order:${id}:${step}:invoke`),
    ...undone.map((step) => `undo-${step} place-order:${id}:${step}:compensate`),
  ]
  const got = keysOf(calls.filter((each) => each.subscriber !== "placed"))
  if (got.join() !== wanted.join())
    wrong.push(`${order}: expected ${wanted.join(", ")}, got ${got.join(", ")}`)
  const heard = keysOf(calls.filter((each) => each.subscriber === "placed"))
  if (heard.length !== (failsAt === null ? 1 : 0))
    wrong.push(`${order} was heard of as ${heard.join(", ") || "nothing"}`)
  return wrong
}

/** What the outside did: the first call under each key, in order. */
function keysOf(calls: readonly Entry[]): string[] {
  return [...new Set(calls.map(({ subscriber, delivery }) => `${subscriber} ${delivery}`))]
}

function withoutEmit(steps: readonly OrderStep[]): OrderStep[] {
  return steps.filter((step) => step !== "emit-event-step")
}

export async function allRuns(store: Engine): Promise<RunRow[]> {
  const all: RunRow[] = []
  for (let cursor: string | undefined; ; ) {
    const page = await store.queries.runs({ limit: 500, ...(cursor === undefined ? {} : { cursor }) })
    all.push(...page.items)
    if (page.cursor === null) return all
    cursor = page.cursor
  }
}
