import { isEnded } from "../../src/core/run.ts"
import type { Engine } from "../../src/engine/engine.ts"
import type { RunRow } from "../../src/engine/runs.ts"
import type { Entry } from "./book.ts"
import {
  type FulfilmentFate,
  type FulfilmentStep,
  fateOf,
  isWanted,
  LEVELS,
  STEPS,
} from "./fulfilment-fate.ts"
import { events } from "./observer.ts"
import { allRuns, type Verdict } from "./orders-judge.ts"

export interface FulfilmentVerdict extends Verdict {
  readonly cancelled: number
  /** A frozen process did something that had been undone meanwhile: no lease reaches what runs already. */
  readonly late: number
}

/** Is each order wholly done or wholly undone, its children with it, and in reverse? */
export async function judgeFulfilment(
  store: Engine,
  book: readonly Entry[],
  orders: readonly string[],
): Promise<FulfilmentVerdict> {
  const runs = await allRuns(store)
  const byId = new Map(runs.map((run) => [run.id, run]))
  const orderOf = (id: string): string => {
    const run = byId.get(id)
    return run?.parent ? orderOf(run.parent.run) : (run?.transactionId ?? id)
  }
  const calls = Map.groupBy(
    book.filter((each) => each.verb === "done"),
    (each) => orderOf(each.event),
  )
  const family = Map.groupBy(runs, (run) => orderOf(run.id))
  const made = Map.groupBy(
    (await events(store)).rows.filter(({ name }) => name === "order.fulfilled"),
    ({ data }) => (JSON.parse(data ?? "{}") as { n: string }).n,
  )
  const wrong = book.flatMap((each) => (each.verb === "note" ? [`${each.event}: ${each.subscriber}`] : []))
  const stuck: string[] = []
  let late = 0
  for (const order of orders) {
    const all = family.get(order) ?? []
    const parents = all.filter((run) => run.parent === null)
    const [run] = parents
    if (run === undefined || all.some((each) => !isEnded(each.state))) {
      stuck.push(`${order} is stuck: ${JSON.stringify(all)}`)
      continue
    }
    const own = calls.get(order) ?? []
    const outcome = judgeOrder(fateOf(order), all, own)
    late += outcome.late
    const count = made.get(order)?.length ?? 0
    const heard = new Set(own.flatMap((each) => (each.subscriber === "fulfilled" ? [each.delivery] : [])))
      .size
    // One that was cancelled when it was done already has been announced.
    const wanted = run.state === "done" ? [1] : run.cancelled === null ? [0] : [0, 1]
    if (!wanted.includes(count) || heard !== count) outcome.wrong.push(`made ${count} events, heard ${heard}`)
    if (parents.length > 1) outcome.wrong.push(`has ${parents.length} runs`)
    wrong.push(...outcome.wrong.map((each) => `${order} (${run.state}): ${each}`))
  }
  const parents = runs.filter((run) => run.parent === null)
  const count = (state: RunRow["state"]): number => parents.filter((run) => run.state === state).length
  const asked = [...calls.values()].flat()
  return {
    done: count("done"),
    reverted: count("reverted"),
    cancelled: parents.filter((run) => run.cancelled !== null).length,
    stuck: stuck.length,
    repeats: asked.length - new Set(asked.map((each) => `${each.subscriber} ${each.delivery}`)).size,
    late,
    wrong: [...wrong, ...stuck],
  }
}

function judgeOrder(
  fate: FulfilmentFate,
  family: readonly RunRow[],
  calls: readonly Entry[],
): { wrong: string[]; late: number } {
  const wrong: string[] = []
  const run = family.find((each) => each.parent === null) as RunRow
  const fails = fate.failsAt !== null && isWanted(fate.failsAt, fate)
  if (run.state === "failed") wrong.push(`failed: ${run.error}`)
  if (fails && run.state === "done") wrong.push(`is done, although ${fate.failsAt} fails`)
  if (!fails && run.cancelled === null && run.state !== "done") wrong.push(`is undone: ${run.error}`)
  if (run.cancelled !== null && run.state === "done") wrong.push("is done, although it was cancelled")
  if (run.state !== "done" && family.some((each) => each.state === "done"))
    wrong.push("has a child that is done")

  const first = new Map<string, number>() // when the outside first acted
  for (const [place, { subscriber, delivery }] of calls.entries()) {
    const known = calls.findIndex((each) => each.subscriber === subscriber)
    if (calls[known]?.delivery !== delivery && subscriber !== "fulfilled")
      wrong.push(`${subscriber} has two keys`)
    if (!first.has(subscriber)) first.set(subscriber, place)
  }
  let late = 0
  for (const step of STEPS) {
    const done = first.get(step)
    const undone = first.get(`undo-${step}`)
    if (run.state === "done") {
      if ((done !== undefined) !== isWanted(step, fate)) wrong.push(`${step} was ${done ? "" : "not "}done`)
      if (undone !== undefined) wrong.push(`${step} was undone`)
    } else if (done !== undefined && undone === undefined) wrong.push(`${step} was not undone`)
    else if (done !== undefined && undone !== undefined && undone < done) late++
  }
  for (const [level, steps] of LEVELS.entries())
    for (const later of LEVELS.slice(level + 1).flat())
      for (const step of steps)
        if (isBefore(first, step, later)) wrong.push(`${step} was undone before ${later}`)
  return { wrong, late }
}

function isBefore(first: ReadonlyMap<string, number>, step: FulfilmentStep, later: FulfilmentStep): boolean {
  const own = first.get(`undo-${step}`)
  const other = first.get(`undo-${later}`)
  return own !== undefined && other !== undefined && own < other
}
