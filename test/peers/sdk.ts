/**
 * What the programs are written against: the names that Medusa's workflows SDK and `carillon/workflows` share.
 *
 * Types are loose on purpose: the programs ask what happens, and `test/types` asks how it is typed.
 */
export interface Sdk {
  createWorkflow(nameOrOptions: string | WorkflowSettings, composer: (input: Later) => unknown): Workflow
  createStep(nameOrConfig: string | StepSettings, invoke: Invoke, compensate?: Invoke): Step
  readonly StepResponse: StepResponses
  readonly WorkflowResponse: new (
    result: unknown,
    options?: { readonly hooks: readonly unknown[] },
  ) => unknown
  when(...args: WhenArguments): { readonly then: (steps: () => unknown) => Later | undefined }
  transform(values: unknown, ...functions: readonly ((values: never, context: unknown) => unknown)[]): Later
  parallelize(...steps: readonly unknown[]): readonly Later[]
  createHook(name: string, input: unknown, options?: { readonly resultValidator?: unknown }): Hook
  readonly emitEventStep: (event: EventToEmit) => Later
  readonly releaseEventsStep: () => Later
  readonly useQueryGraphStep: (request: Readonly<Record<string, unknown>>) => Later
}

export type WhenArguments =
  | readonly [values: unknown, condition: Condition]
  | readonly [name: string, values: unknown, condition: Condition]
type Condition = (values: never) => unknown

export interface StepResponses {
  new (output?: unknown, compensateInput?: unknown): unknown
  permanentFailure(message?: string, compensateInput?: unknown): never
  skip(): unknown
}

export type Invoke = (input: never, context: Given) => unknown

export type Step = (input?: unknown) => Later

/** A value that is there when the run gets to it; the properties are those that programs read. */
export type Later = { readonly [Name in Read]: Later } & {
  config(settings: Partial<StepSettings>): Later
}
type Read =
  | "id"
  | "data"
  | "total"
  | "order"
  | "items"
  | "lines"
  | "at"
  | "first"
  | "second"
  | "customer"
  | "price"

export interface Hook {
  getResult(): Later
}

export interface EventToEmit {
  readonly eventName: string
  readonly data?: unknown
  readonly metadata?: Readonly<Record<string, unknown>>
}

export interface StepSettings {
  readonly name: string
  readonly maxRetries?: number
  readonly retryInterval?: number
  readonly autoRetry?: boolean
  readonly timeout?: number
  readonly async?: boolean
  readonly noCompensation?: boolean
  readonly continueOnPermanentFailure?: boolean
  readonly skipOnPermanentFailure?: boolean | string
  readonly noWait?: boolean
  readonly saveResponse?: boolean
}

export interface WorkflowSettings {
  readonly name: string
  readonly retentionTime?: number
  readonly idempotent?: boolean
  readonly timeout?: number
  readonly store?: boolean
  readonly schedule?: { readonly interval: number; readonly numberOfExecutions: number }
}

/** What a step's function is given, as far as both have it. */
export interface Given {
  readonly container: { resolve(name: string): unknown }
  readonly workflowId: string
  readonly stepName: string
  readonly action: string
  readonly attempt: number
  readonly idempotencyKey: string
  readonly transactionId: string
  readonly runId: string
  readonly eventGroupId: string
  readonly parentStepIdempotencyKey?: string | null
  readonly context: { readonly transactionId?: string; readonly eventGroupId?: string }
}

export interface Workflow {
  (container?: unknown): Runner
  getName(): string
  runAsStep(request: { readonly input: unknown }): Later
  readonly hooks: Readonly<Record<string, (invoke: Invoke, compensate?: Invoke) => void>>
}

export interface Runner {
  run(request?: Request): Promise<Answer>
  cancel(request: Request): Promise<Answer>
}

export interface Request {
  readonly input?: unknown
  readonly transactionId?: string
  readonly transaction?: Transaction
  readonly throwOnError?: boolean
  readonly context?: { readonly transactionId?: string; readonly eventGroupId?: string }
  readonly events?: Readonly<Record<string, (moment: { readonly step?: unknown }) => void>>
}

export interface Answer {
  readonly result?: unknown
  readonly errors?: readonly StepError[]
  readonly transaction: Transaction
}

export interface StepError {
  readonly action?: string
  readonly handlerType?: string
  readonly error?: { readonly name?: string; readonly message?: string }
}

export interface Transaction {
  readonly transactionId: string
  getState(): string
  getFlow(): Flow
  hasFinished(): boolean
}

export interface Flow {
  readonly state: string
  readonly hasFailedSteps: boolean
  readonly hasSkippedSteps: boolean
  readonly steps: Readonly<Record<string, FlowStep>>
}

export interface FlowStep {
  readonly id: string
  readonly definition?: { readonly action: string }
  readonly invoke?: { readonly state: string }
  readonly compensate?: { readonly state: string }
}

/** The engine service, as it is resolved from a container. */
export interface Engine {
  run(workflow: string, request?: Request & { readonly transactionId?: string }): Promise<Answer>
  cancel(workflow: string, request: Request): Promise<Answer>
  setStepSuccess(request: StepRequest): Promise<Answer>
  setStepFailure(request: StepRequest): Promise<Answer>
  retryStep(request: StepRequest): Promise<Answer>
  subscribe(request: {
    readonly workflowId: string
    readonly transactionId?: string
    readonly subscriberId?: string
    readonly subscriber: (notice: Notice) => void
  }): unknown
}

export interface StepKey {
  readonly workflowId: string
  readonly transactionId: string
  readonly stepId: string
  readonly action: string
}

export interface StepRequest {
  readonly idempotencyKey: string | StepKey
  readonly stepResponse?: unknown
  readonly options?: { readonly forcePermanentFailure?: boolean }
}

export interface Notice {
  readonly eventType: string
  readonly workflowId: string
  readonly transactionId?: string
  readonly state?: string
  readonly result?: unknown
}

export interface Bus {
  emit(event: unknown): Promise<unknown>
  subscribe(
    name: string,
    handle: (event: HeardEvent) => void | Promise<void>,
    context?: { readonly subscriberId: string },
  ): unknown
}

export interface HeardEvent {
  readonly name: string
  readonly data: unknown
  readonly metadata?: Readonly<Record<string, unknown>>
}
