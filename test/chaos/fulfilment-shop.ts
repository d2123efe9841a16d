import { setTimeout as sleep } from "node:timers/promises"
import { codeOf } from "../../src/core/errors.ts"
import { type Carillon, PermanentError } from "../../src/index.ts"
import {
  createStep,
  createWorkflow,
  emitEventStep,
  parallelize,
  type StepExecutionContext,
  StepResponse,
  type StepSettings,
  sleepStep,
  transform,
  WorkflowResponse,
  waitForEventStep,
  when,
} from "../../src/workflows/index.ts"
import { type Book, readBook } from "./book.ts"
import { type FulfilmentFate, type FulfilmentStep, fateOf, STEPS } from "./fulfilment-fate.ts"
import type { OrdersPlan } from "./plans.ts"

interface Order {
  readonly order: string
  readonly fate: FulfilmentFate
}

let outside: Book | null = null
let shop: Carillon | null = null

/** The outside hears of runs, since an undoing may not know its order; it acts once a key. */
function tell(what: string, { runId, attempt, idempotencyKey }: StepExecutionContext): void {
  outside?.write("done", runId, what, attempt, idempotencyKey)
}

function stepOf(
  name: FulfilmentStep,
  settings: StepSettings = {},
  also?: (order: Order, key: string) => unknown,
) {
  return createStep<Order, Order, Order>(
    { ...settings, name, maxRetries: 2 },
    async (input, context) => {
      const { failsAt, stumblesAt, stepMs } = input.fate
      await sleep(stepMs[STEPS.indexOf(name)])
      if (stumblesAt === name && context.attempt === 1) throw new Error("busy")
      tell(name, context)
      if (failsAt === name) throw new PermanentError("refused")
      await also?.(input, context.idempotencyKey)
      return settings.async ? undefined : new StepResponse(input)
    },
    async (input, context) => {
      if (input?.fate?.undoStumblesAt === name && context.attempt === 1) throw new Error("busy")
      tell(`undo-${name}`, context)
    },
  )
}

const reserve = stepOf("reserve")
const charge = stepOf("charge")
const invoice = stepOf("invoice")
const pack = stepOf("pack")
const label = stepOf("label")
const notify = stepOf("notify")
const askPayment = stepOf("ask-payment", {}, async ({ order, fate }) => {
  const options = fate.pays === "after" ? { delay: 300 } : {}
  await shop?.emit({ name: "order.paid", id: `paid-${order}`, data: { n: order }, options })
})
const approve = stepOf("approve", { async: true }, async ({ order }, key) => {
  await shop?.emit({ name: "approval.asked", data: { order, key } })
})

const shipOrder = createWorkflow("ship-order", (input: Order) => {
  pack(input)
  return new WorkflowResponse(label(input))
})

const fulfilOrder = createWorkflow({ name: "fulfil-order", idempotent: true }, (input: Order) => {
  reserve(input)
  parallelize(charge(input), invoice(input))
  when({ input }, ({ input }) => input.fate.ships).then(() => shipOrder.runAsStep({ input }))
  when({ input }, ({ input }) => input.fate.pays !== "never").then(() => {
    askPayment(input)
    waitForEventStep({ event: "order.paid", filter: { data: { n: [input.order] } } })
  })
  const answer = approve(input)
  sleepStep({ ms: transform({ input }, ({ input }) => input.fate.sleepMs) })
  emitEventStep({ eventName: "order.fulfilled", data: { n: input.order } })
  notify(input)
  return new WorkflowResponse(answer)
})

export function open(carillon: Carillon, book: Book): void {
  outside = book
  shop = carillon
  carillon.events.subscribe<{ n: string }>(
    "order.fulfilled",
    ({ id, data }, { attempt }) => book.write("done", data.n, "fulfilled", attempt, id),
    { subscriberId: "warehouse" },
  )
  carillon.events.subscribe<{ order: string; key: string }>(
    "approval.asked",
    ({ data }) => respond(carillon, data),
    {
      subscriberId: "office",
      policy: { retries: 8, initialBackoffDelay: 200, maximumBackoffDelay: 1_000 },
    },
  )
}

/** Who was answered already, or has nothing to wait for any more, refuses. */
async function respond(carillon: Carillon, { order, key }: { order: string; key: string }): Promise<void> {
  const request = { idempotencyKey: key, stepResponse: `approved ${order}`, throwOnError: false }
  await carillon.workflows.setStepSuccess(request).catch((error) => {
    if (codeOf(error) !== "CARILLON_INVALID_INPUT" || /has not begun/.test(error.message)) throw error
  })
}

/** Places what nobody here was answered yet: a caller who is not answered asks again. */
export async function placeAll(
  carillon: Carillon,
  book: Book,
  path: string,
  plan: OrdersPlan,
): Promise<void> {
  const answered = new Set(readBook(path).flatMap((each) => (each.verb === "ack" ? [each.event] : [])))
  const open = plan.orders.filter((order) => !answered.has(order))
  const lane = async (): Promise<void> => {
    for (let order = open.shift(); order !== undefined; order = open.shift())
      while (!(await isPlaced(carillon, book, order))) await sleep(200)
  }
  await Promise.all(Array.from({ length: plan.lanes }, lane))
}

async function isPlaced(carillon: Carillon, book: Book, order: string): Promise<boolean> {
  book.write("emit", order)
  const fate = fateOf(order)
  const input = { order, fate }
  try {
    const running = fulfilOrder(carillon.container).run({
      input,
      context: { transactionId: order },
      throwOnError: false,
    })
    running.catch(() => {}) // it is awaited below
    if (fate.cancelledAfterMs !== null) await cancel(carillon, order, fate.cancelledAfterMs)
    const { transaction, result } = await running
    if (transaction.state === "done" && (result as unknown) !== `approved ${order}`)
      book.write("note", order, `result-${result}`)
    book.write("ack", order, transaction.state)
    return true
  } catch (error) {
    const code = codeOf(error) ?? "without-code"
    book.write("refuse", order, code)
    return code === "CARILLON_STOPPED"
  }
}

/** Until it is cancelled for sure: it may be undone already, by itself or since it was cancelled before. */
async function cancel(carillon: Carillon, order: string, afterMs: number): Promise<void> {
  await sleep(afterMs)
  for (;;) {
    try {
      await fulfilOrder(carillon.container).cancel({ transactionId: order, throwOnError: false })
      return
    } catch (error) {
      if (codeOf(error) === "CARILLON_INVALID_INPUT") return
      if (codeOf(error) !== "CARILLON_NOT_FOUND") throw error
      await sleep(100) // its start is still on its way
    }
  }
}
