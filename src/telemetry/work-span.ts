import { type Attributes, type Context, context, type Span, SpanStatusCode, trace } from "@opentelemetry/api"
import { codeOf } from "../core/errors.ts"
import { type WrittenTrace, writeTrace } from "./trace-context.ts"

/** How a piece of work ended. */
export interface WorkEnd {
  readonly outcome?: string
  readonly error?: unknown // undefined or null = none
  readonly attributes?: Attributes
}

/** The span of one piece of work: an emit, an attempt, a run, a step. */
export class WorkSpan {
  readonly #span: Span
  readonly #context: Context

  constructor(span: Span, parent: Context) {
    this.#span = span
    this.#context = trace.setSpan(parent, span)
  }

  /** For whoever goes on from here in another place or at another time. */
  get written(): WrittenTrace {
    return writeTrace(this.#span.spanContext())
  }

  /** The parent of what this work has done in parts. */
  get context(): Context {
    return this.#context
  }

  /** Whatever is traced in there, by whomever, is a part of this. */
  within<T>(work: () => T): T {
    return context.with(this.#context, work)
  }

  set(attributes: Attributes): void {
    this.#span.setAttributes(attributes)
  }

  end({ outcome, error, attributes = {} }: WorkEnd = {}): void {
    if (outcome !== undefined) this.#span.setAttribute("carillon.outcome", outcome)
    this.#span.setAttributes(attributes)
    if (error !== undefined && error !== null) this.#fail(error)
    this.#span.end()
  }

  #fail(error: unknown): void {
    const thrown = error instanceof Error ? error : new Error(String(error))
    this.#span.recordException(thrown)
    this.#span.setAttribute("error.type", codeOf(thrown) ?? thrown.name)
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message: thrown.message })
  }
}
