import { currentStep } from "../worker/current-step.ts"
import { currentDelivery } from "../worker/delivery.ts"

/** The scope of the delivery or step whose code runs now, by its key; null = it is neither. */
export function scopeHere(): string | null {
  return currentStep.getStore()?.scope ?? currentDelivery.getStore()?.view.stored.scope ?? null
}

/** What a run is started from. */
export interface Origin {
  /** The same each time that delivery or step is tried again; null = it is started from neither. */
  readonly transactionId: string | null
  readonly correlationId: string | null
  readonly causationId: string | null
  readonly traceparent: string | null
}

const NONE: Origin = { transactionId: null, correlationId: null, causationId: null, traceparent: null }

const started = new WeakMap<object, Map<string, number>>()

/**
 * The delivery or step whose code runs now. A redelivery comes to the same transaction ids in the same
 * order, so it joins the runs that it started before.
 */
export function originOf(workflow: string): Origin {
  const step = currentStep.getStore()
  if (step !== undefined) return from(step, step.key, step.cause, workflow)
  const delivery = currentDelivery.getStore()
  return delivery === undefined ? NONE : from(delivery, delivery.deliveryId, delivery.view, workflow)
}

function from(
  source: object,
  key: string,
  cause: { readonly id: string; readonly correlationId: string | null; readonly traceparent: string | null },
  workflow: string,
): Origin {
  const counts = started.get(source) ?? new Map<string, number>()
  started.set(source, counts)
  const count = (counts.get(workflow) ?? 0) + 1
  counts.set(workflow, count)
  return {
    transactionId: count === 1 ? key : `${key}:${count}`,
    correlationId: cause.correlationId ?? cause.id,
    causationId: cause.id,
    traceparent: cause.traceparent,
  }
}
