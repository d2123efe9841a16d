import { ContainerRegistrationKeys } from "../container.ts"
import type { GraphMetadata, GraphOptions, GraphRequest, GraphRow } from "../data/graph-request.ts"
import type { Query } from "../data/query.ts"
import { createStep, type StepOutput } from "./create-step.ts"
import { StepResponse } from "./step-response.ts"

/** What `useQueryGraphStep` asks for: as `query.graph`, with its options inside. */
export interface UseQueryGraphStepInput extends GraphRequest {
  readonly options?: GraphOptions
}

interface Answer<Data> {
  readonly data: Data
  readonly metadata?: GraphMetadata
}

/**
 * Asks for entities of the application's modules: `query.graph` as a step.
 *
 * Rows have the type that is given, or any: entities are known by their names only.
 *
 * @throws InvalidInputError outside of a composer. In a run: InvalidInputError for an entity, field or filter that
 *   does not exist, NotFoundError with `options: { throwIfKeyNotFound: true }`
 * @example
 * ```ts
 * const { data: brands } = useQueryGraphStep({ entity: "brand", fields: ["*"], filters: { id: input.id } })
 * ```
 */
export function useQueryGraphStep<Row = GraphRow>(
  input: UseQueryGraphStepInput & { readonly options: { readonly isList: false } },
): StepOutput<Answer<Row>>
export function useQueryGraphStep<Row = GraphRow>(input: UseQueryGraphStepInput): StepOutput<Answer<Row[]>>
export function useQueryGraphStep(input: UseQueryGraphStepInput): unknown {
  return queryStep(input)
}

const queryStep = createStep("use-query-graph-step", async (input: UseQueryGraphStepInput, { container }) => {
  const { options, ...request } = input
  const { isList = true, ...rest } = options ?? {}
  const query = container.resolve(ContainerRegistrationKeys.QUERY) as Query
  const { data, metadata } = await query.graph(request, rest)
  return new StepResponse({ data: isList ? data : data[0], metadata })
})
