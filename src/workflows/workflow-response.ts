/**
 * What a composer answers with: the workflow's result, made of what its steps will have answered.
 *
 * @example
 * ```ts
 * return new WorkflowResponse({ brand, links }, { hooks: [brandCreated] })
 * ```
 */
export class WorkflowResponse<TResult, const THooks extends readonly unknown[] = []> {
  readonly __type = WORKFLOW_RESPONSE
  readonly $result: TResult
  readonly options: { readonly hooks?: THooks }

  constructor(result: TResult, options: { readonly hooks?: THooks } = {}) {
    this.$result = result
    this.options = options
  }
}

const WORKFLOW_RESPONSE = "carillon.workflow-response"

/** Also of one from another copy of this module. */
export function isWorkflowResponse(value: unknown): value is WorkflowResponse<unknown> {
  return (value as WorkflowResponse<unknown> | null | undefined)?.__type === WORKFLOW_RESPONSE
}
