import { setTimeout as sleep } from "node:timers/promises"
import { codeOf } from "../../src/core/errors.ts"
import { type Carillon, PermanentError } from "../../src/index.ts"
import {
  createStep,
  createWorkflow,
  emitEventStep,
  type StepExecutionContext,
  StepResponse,
  WorkflowResponse,
} from "../../src/workflows/index.ts"
import { type Book, readBook } from "./book.ts"
import { fateOf, ORDER_STEPS, type OrderStep } from "./orders-fate.ts"
import type { OrdersPlan } from "./plans.ts"

interface Effect {
  readonly order: string
  readonly key: string
  readonly at: Date
}

let outside: Book | null = null

/**
 * What the outside hears: who asks, for which order, under which key. It acts once a key, however often it
 * is asked, as a payment provider does.
 */
function tell(order: string, what: string, { attempt, idempotencyKey }: StepExecutionContext): void {
  outside?.write("done", order, what, attempt, idempotencyKey)
}

async function act(step: OrderStep, context: StepExecutionContext): Promise<void> {
  const order = context.transactionId
  const { failsAt, failsLate, failsAtOnce, stumblesAt, stepMs } = fateOf(order)
  await sleep(stepMs[ORDER_STEPS.indexOf(step)])
  if (stumblesAt === step && context.attempt === 1) throw new Error("busy")
  const fails = failsAt === step
  if (!fails || failsLate) if (step !== "emit-event-step") tell(order, step, context)
  if (fails) throw failsAtOnce ? new PermanentError("refused") : new Error("refused")
}

async function undo(
  step: OrderStep,
  effect: Effect | undefined,
  context: StepExecutionContext,
): Promise<void> {
  const order = context.transactionId
  const { failsAt, undoStumblesAt, stepMs } = fateOf(order)
  await sleep(stepMs[ORDER_STEPS.indexOf(step)])
  if (undoStumblesAt === step && context.attempt === 1) throw new Error("busy")
  const wanted = failsAt === step ? undefined : context.idempotencyKey.replace(/compensate$/, "invoke")
  if (effect?.key !== wanted || (effect !== undefined && !(effect.at instanceof Date)))
    outside?.write("note", order, `undo-${step}-of-${effect?.key}`)
  tell(order, `undo-${step}`, context)
}

function orderStep(step: OrderStep) {
  return createStep<{ order: string }, Effect>(
    { name: step, maxRetries: 2 },
    async ({ order }, context) => {
      await act(step, context)
      return new StepResponse({ order, key: context.idempotencyKey, at: new Date() })
    },
    (effect, context) => undo(step, effect, context),
  )
}

const reserve = orderStep("reserve")
const charge = orderStep("charge")
const ship = orderStep("ship")
const notify = orderStep("notify")

const placeOrder = createWorkflow({ name: "place-order", idempotent: true }, (input: { order: string }) => {
  reserve(input)
  charge(input)
  const shipment = ship(input)
  emitEventStep({
    eventName: "order.placed",
    data: async (context: StepExecutionContext) => {
      await act("emit-event-step", context)
      return { n: context.transactionId }
    },
  }).config({ maxRetries: 2 })
  notify(input)
  return new WorkflowResponse(shipment)
})

/** Opens the shop: who is told of placed orders writes that down. */
export function open(carillon: Carillon, book: Book): void {
  outside = book
  carillon.events.subscribe<{ n: string }>(
    "order.placed",
    ({ id, data }, { attempt }) => book.write("done", data.n, "placed", attempt, id),
    { subscriberId: "warehouse" },
  )
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

/** Who is refused asks again: the run is the same. */
async function isPlaced(carillon: Carillon, book: Book, order: string): Promise<boolean> {
  book.write("emit", order)
  try {
    const { transaction, result } = await placeOrder(carillon.container).run({
      input: { order },
      context: { transactionId: order },
      throwOnError: false,
    })
    if (transaction.state === "done" && result.order !== order) book.write("note", order, "result")
    book.write("ack", order, transaction.state)
    return true
  } catch (error) {
    const code = codeOf(error) ?? "without-code"
    book.write("refuse", order, code)
    return code === "CARILLON_STOPPED"
  }
}
