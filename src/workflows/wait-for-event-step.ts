import { expected, InvalidInputError } from "../core/errors.ts"
import type { CarillonEvent } from "../core/event.ts"
import { compileFilter } from "../core/filter.ts"
import { checkEventName } from "../core/pattern.ts"
import type { EventWait } from "../runs/definition.ts"
import type { StepOutput } from "./create-step.ts"
import { currentComposition } from "./current-composition.ts"
import { settingsOf } from "./step-config.ts"
import { templateOf } from "./template.ts"

/** Which event a run waits for. */
export interface WaitForEventStepInput {
  /** Its name. */
  readonly event: string
  /** An event pattern, as subscriptions have it: `{ data: { order_id: [order.id] } }`. @defaultValue every event of that name */
  readonly filter?: unknown
  /** Seconds; then the step has failed. @defaultValue for ever */
  readonly timeout?: number
}

/**
 * Lets the run wait until an event is emitted that fits; the step's output is that event.
 *
 * Nothing is held in memory meanwhile. An event counts from the moment in which the run began, also before this step is reached.
 *
 * @throws InvalidInputError and InvalidFilterError for what does not fit; for values of the run, in the run.
 *   TimeoutError in the run, when nothing came in time
 * @example
 * ```ts
 * const paid = waitForEventStep<{ order_id: string }>({
 *   event: "order.paid",
 *   filter: { data: { order_id: [order.id] } },
 *   timeout: 3 * 24 * 60 * 60,
 * })
 * ```
 */
export function waitForEventStep<T = unknown>(input: WaitForEventStepInput): StepOutput<CarillonEvent<T>> {
  const { read, needs, isFixed } = templateOf(input)
  if (isFixed) waitOf(input)
  const output = currentComposition("`waitForEventStep`").add({
    ...settingsOf("wait-for-event-step"),
    kind: "event",
    input: {
      read: (values) => {
        const value = read(values)
        return value instanceof Promise ? value.then(waitOf) : waitOf(value)
      },
      needs,
      isFixed,
    },
    action: { kind: "event" },
    isWanted: null,
  })
  return output as StepOutput<CarillonEvent<T>>
}

const LONGEST_SECONDS = 10 * 365 * 86_400

function waitOf(input: unknown): EventWait {
  const { event, filter = null, timeout = null } = (input ?? {}) as WaitForEventStepInput
  checkEventName(event)
  if (filter !== null) compileFilter(filter)
  if (timeout !== null && !(typeof timeout === "number" && timeout > 0 && timeout <= LONGEST_SECONDS))
    throw new InvalidInputError(
      expected("`timeout` of `waitForEventStep` to be a number of seconds, up to ten years", timeout),
    )
  return { event, filter, timeoutMs: timeout === null ? null : timeout * 1_000 }
}
