import { createHash } from "node:crypto"
import type { EventModule } from "../bus/events.ts"
import { Modules } from "../container.ts"
import { expected, InvalidInputError } from "../core/errors.ts"
import type { EmitOptions, EventInput } from "../core/event.ts"
import { createStep, type StepExecutionContext, type StepOutput } from "./create-step.ts"
import { sourceOf } from "./reference.ts"
import { StepResponse } from "./step-response.ts"

/** What `emitEventStep` emits. */
export interface EmitEventStepInput {
  readonly eventName: string
  /** The event's data; an array is one event each, a function is called with the step's context. None: no event. */
  readonly data?: unknown
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly options?: EmitOptions
}

interface Emitted {
  readonly eventGroupId: string
  readonly eventName: string
  readonly eventIds: readonly string[]
}

/**
 * Emits an event when the run is done, and not at all when the run is undone.
 *
 * The event is staged under the run's event group; the run's end releases or clears it. However often the step
 * is repeated after a crash, the event is one.
 *
 * @throws InvalidInputError outside of a composer
 * @example
 * ```ts
 * emitEventStep({ eventName: "brand.created", data: { id: brand.id } })
 * ```
 */
export function emitEventStep(input: EmitEventStepInput): StepOutput<Emitted | undefined> {
  const { data } = input
  // A function cannot be handed on as an input is, which is written to the store.
  if (typeof data !== "function" || sourceOf(data) !== null) return emitStep(input)
  const asked = data as (context: StepExecutionContext) => unknown
  return stepThat(async (given, context) => emit({ ...given, data: await asked(context) }, context))({
    ...input,
    data: undefined,
  })
}

function stepThat(
  act: (
    input: EmitEventStepInput,
    context: StepExecutionContext,
  ) => Promise<StepResponse<Emitted | undefined>>,
) {
  return createStep("emit-event-step", act, takeBack)
}

const emitStep = stepThat(emit)

async function emit(
  { eventName, data, metadata, options }: EmitEventStepInput,
  context: StepExecutionContext,
): Promise<StepResponse<Emitted | undefined>> {
  const all = data === undefined || data === null ? [] : Array.isArray(data) ? data : [data]
  if (all.length === 0) return new StepResponse<Emitted | undefined>(undefined)
  if (typeof eventName !== "string")
    throw new InvalidInputError(expected("`eventName` of `emitEventStep` to be an event's name", eventName))

  const { eventGroupId } = context
  const events = all.map(
    (each, index): EventInput => ({
      name: eventName,
      data: each,
      id: eventIdOf(context, index),
      metadata: { ...metadata, eventGroupId },
      ...(options === undefined || options === null ? undefined : { options }),
    }),
  )
  await eventsOf(context).emit(events)
  return new StepResponse<Emitted | undefined>({
    eventGroupId,
    eventName,
    eventIds: events.map(({ id }) => id as string),
  })
}

/** Where the run is undone as a whole its group is cleared anyway; a child run may be undone alone. */
async function takeBack(emitted: Emitted | undefined, context: StepExecutionContext): Promise<void> {
  if (!emitted) return
  const { eventGroupId, eventName, eventIds } = emitted
  const what = { eventNames: [eventName], eventIds }
  await eventsOf(context).clearGroupedEvents(eventGroupId, what)
}

/** The same in every attempt, and another one in another run of the same transaction id. */
function eventIdOf({ runId, stepName }: StepExecutionContext, index: number): string {
  const step = stepName.length <= LONGEST_SHOWN ? stepName : digest(stepName)
  return `${runId}:${step}:${index}`
}

const LONGEST_SHOWN = 120

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32)
}

export function eventsOf({ container }: StepExecutionContext): EventModule {
  return container.resolve(Modules.EVENT) as EventModule
}
