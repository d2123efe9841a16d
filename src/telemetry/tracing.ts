import {
  type Attributes,
  type Context,
  context,
  type ProxyTracerProvider,
  SpanKind,
  type Tracer,
  trace,
} from "@opentelemetry/api"
import type { StepStart } from "../core/run-machine.ts"
import { readTrace, type WrittenTrace, writeTrace } from "./trace-context.ts"
import { WorkSpan } from "./work-span.ts"

/** An attempt of a delivery, as its span names it. */
export interface TracedDelivery {
  readonly deliveryId: string
  readonly attempt: number
  readonly replay: number
  readonly handler: { readonly id: string }
  readonly view: {
    readonly id: string
    readonly name: string
    readonly traceparent: string | null
    readonly extra: { readonly tracestate?: string }
  }
}

/** A run, as its spans name it. */
export interface TracedRun {
  readonly id: string
  readonly workflow: string
}

/**
 * Makes the spans of what Carillon does, where the application has set OpenTelemetry up; else nothing.
 *
 * Whether it has is asked again and again, for many do so after they have imported us: `look` says it at once, and
 * `isOn` as the last look saw it, for what happens too often to ask.
 */
export class Tracing {
  readonly #group: string
  #tracer: Tracer | null = null

  constructor(group: string) {
    this.#group = group
  }

  get isOn(): boolean {
    return this.#tracer !== null
  }

  look(): boolean {
    this.#tracer = findTracer()
    return this.#tracer !== null
  }

  /** The trace of whoever asks; where emits are traced, their own span. */
  get written(): WrittenTrace {
    const span = trace.getSpanContext(context.active())
    return span === undefined ? { traceparent: null } : writeTrace(span)
  }

  /** Around the commit of these; null = nobody traces. What they were given as their trace, they keep. */
  emitting(inputs: readonly unknown[]): WorkSpan | null {
    if (!this.look()) return null
    const names = new Set(inputs.map(nameOf))
    const [name] = names.size === 1 ? names : []
    const given = inputs.length === 1 ? (inputs[0] as Partial<WrittenTrace> | null)?.traceparent : null
    return this.#start(name === undefined ? "emit" : `emit ${name}`, SpanKind.PRODUCER, here(given), {
      ...SYSTEM,
      "messaging.operation.name": "emit",
      "messaging.operation.type": "send",
      ...(name === undefined ? undefined : { "messaging.destination.name": name }),
      ...(inputs.length === 1 ? undefined : { "messaging.batch.message_count": inputs.length }),
    })
  }

  delivering({ deliveryId, attempt, replay, handler, view }: TracedDelivery): WorkSpan | null {
    const { traceparent } = view
    const { tracestate } = view.extra
    return this.#start(`deliver ${view.name}`, SpanKind.CONSUMER, readTrace({ traceparent, tracestate }), {
      ...SYSTEM,
      "messaging.operation.name": "deliver",
      "messaging.operation.type": "process",
      "messaging.destination.name": view.name,
      "messaging.destination.subscription.name": handler.id,
      "messaging.consumer.group.name": this.#group,
      "messaging.message.id": view.id,
      "carillon.delivery.id": deliveryId,
      "carillon.attempt": attempt,
      ...(replay === 0 ? undefined : { "carillon.replay": replay }),
    })
  }

  /** A run that begins here, for whoever is traced now; else for the trace that it is given. */
  running(workflow: string, traceparent: string | null): WorkSpan | null {
    if (!this.look()) return null
    return this.#run(workflow, here(traceparent), false)
  }

  /** A run that was begun before, perhaps elsewhere, and is held here from now on. */
  resuming({ id, workflow }: TracedRun, traceparent: string | null): WorkSpan | null {
    if (!this.look()) return null
    const span = this.#run(workflow, readTrace({ traceparent }), true)
    span?.set({ "carillon.run.id": id })
    return span
  }

  stepping({ id, workflow }: TracedRun, run: WorkSpan, { step, phase, attempt }: StepStart): WorkSpan | null {
    const name = `${phase === "invoke" ? "step" : "compensate"} ${step}`
    return this.#start(name, SpanKind.INTERNAL, run.context, {
      "carillon.workflow": workflow,
      "carillon.run.id": id,
      "carillon.step": step,
      "carillon.step.phase": phase,
      "carillon.attempt": attempt,
    })
  }

  #run(workflow: string, parent: Context, resumed: boolean): WorkSpan | null {
    return this.#start(`run ${workflow}`, SpanKind.INTERNAL, parent, {
      "carillon.workflow": workflow,
      "carillon.group": this.#group,
      "carillon.run.resumed": resumed,
    })
  }

  #start(name: string, kind: SpanKind, parent: Context, attributes: Attributes): WorkSpan | null {
    const span = this.#tracer?.startSpan(name, { kind, attributes }, parent)
    return span === undefined ? null : new WorkSpan(span, parent)
  }
}

const SYSTEM = { "messaging.system": "carillon" }

/** Without a provider the API's is a proxy of nothing, which would make us spans that are none, for a price. */
function findTracer(): Tracer | null {
  const provider = trace.getTracerProvider() as ProxyTracerProvider
  if (typeof provider.getDelegateTracer !== "function") return provider.getTracer("carillon")
  return provider.getDelegateTracer("carillon") ?? null
}

/** Where the work is asked for; where nobody is traced there, the trace that was written down for it. */
function here(traceparent: unknown): Context {
  const active = context.active()
  if (trace.getSpanContext(active) !== undefined || typeof traceparent !== "string") return active
  return readTrace({ traceparent })
}

function nameOf(input: unknown): string | undefined {
  const name = (input as { readonly name?: unknown } | null | undefined)?.name
  return typeof name === "string" ? name : undefined
}
