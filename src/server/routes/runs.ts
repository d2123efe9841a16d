import {
  cancelRun,
  getRun,
  listRuns,
  retryStep,
  setStepFailure,
  setStepSuccess,
  startRun,
} from "../../contract/runs.ts"
import { listWorkflows } from "../../contract/workflows.ts"
import { isEnded } from "../../core/run.ts"
import { answerWith, locationFrom } from "../answer.ts"
import { type Served, serve } from "../served.ts"
import { pageOfWhole } from "../whole-list.ts"

export const runRoutes: readonly Served[] = [
  serve(listWorkflows, async ({ carillon, query, scopes, cursors }) => {
    const all = await carillon.workflows.listWorkflows({ scopes })
    return pageOfWhole(all, { query, cursors, keyOf: ({ group, id }) => `${group} ${id}` })
  }),
  serve(startRun, async ({ carillon, params, body, scopes, request, note }) => {
    const { eventGroupId, metadata, ...rest } = body ?? {}
    const wish = { ...rest, context: { eventGroupId, metadata }, scopes }
    const { run, existing, result, errors } = await carillon.workflows.start(params.workflow, wish)
    note({ run: run.id, existing })
    const failures = errors.map(({ action, handlerType, error }) => ({
      step: action,
      phase: handlerType,
      message: error.message,
    }))
    const status = isEnded(run.state) ? (existing ? 200 : 201) : 202
    const headers = { location: locationFrom(request, 3, ["runs", run.id]) }
    return answerWith(startRun, { run, existing, result, errors: failures }, { status, headers })
  }),
  serve(listRuns, async ({ carillon, query, scopes, cursors }) => {
    const { scope: _, ...filters } = query
    const page = await carillon.workflows.list({ ...filters, scopes, cursor: cursors.open(query.cursor) })
    return { items: page.items, cursor: cursors.seal(page.cursor) }
  }),
  serve(getRun, ({ carillon, params, scopes }) => carillon.workflows.retrieve(params.id, { scopes })),
  serve(cancelRun, ({ carillon, params, body, scopes }) =>
    carillon.workflows.revert(params.id, body?.reason, { scopes }),
  ),
  serve(retryStep, ({ carillon, params, scopes }) =>
    carillon.workflows.retry(params.id, params.step, { scopes }),
  ),
  serve(setStepSuccess, ({ carillon, params, body, scopes }) =>
    carillon.workflows.completeStep(params.id, params.step, { ...body, scopes }),
  ),
  serve(setStepFailure, ({ carillon, params, body, scopes, note }) => {
    note({ permanent: body?.permanent })
    return carillon.workflows.failStep(params.id, params.step, { ...body, scopes })
  }),
]
