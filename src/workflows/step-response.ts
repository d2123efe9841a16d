import { PermanentError } from "../core/errors.ts"
import { PERMANENT_FAILURE, type StepResult } from "../runs/definition.ts"

/**
 * What a step answers with: its output, for the steps that follow, and what its compensation is to get.
 *
 * Without the second, the compensation gets the output. Both are written to the store as JSON (dates and
 * bytes are kept) before anybody sees them.
 *
 * @example
 * ```ts
 * return new StepResponse(brand, brand.id)
 * ```
 */
export class StepResponse<TOutput, TCompensateInput = TOutput> implements StepResult {
  readonly __type = "carillon.step-result"
  readonly output: TOutput
  readonly compensateInput: TCompensateInput
  readonly hasCompensateInput: boolean
  readonly skipped: boolean = false

  constructor(output?: TOutput, compensateInput?: TCompensateInput) {
    this.output = output as TOutput
    this.hasCompensateInput = compensateInput !== undefined
    this.compensateInput = (this.hasCompensateInput ? compensateInput : output) as TCompensateInput
  }

  /**
   * Ends the step as failed, whatever retries it has left.
   *
   * @param compensateInput what its compensation gets, which is called even so; by default undefined
   * @throws always
   */
  static permanentFailure(message = "Permanent failure", compensateInput?: unknown): never {
    throw new PermanentStepFailure(message, compensateInput)
  }

  /** Ends the step without an output, as if a `when` had left it out. It is not compensated. */
  static skip(): StepResponse<never, never> {
    return Object.assign(new StepResponse<never, never>(), { skipped: true })
  }
}

/** Thrown by `StepResponse.permanentFailure`. */
class PermanentStepFailure extends PermanentError {
  readonly __type = PERMANENT_FAILURE
  readonly compensateInput: unknown

  constructor(message: string, compensateInput: unknown) {
    super(message)
    this.compensateInput = compensateInput
  }
}
