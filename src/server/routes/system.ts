import { erase } from "../../contract/erasures.ts"
import type { GivenOf } from "../../contract/route.ts"
import { listScopes } from "../../contract/scopes.ts"
import { getDiagnosis, getStats, listWorkers, prune } from "../../contract/system.ts"
import { parseScope } from "../../core/scope.ts"
import { type Served, serve } from "../served.ts"
import { pageOfWhole } from "../whole-list.ts"

type Given = GivenOf<typeof listScopes>["items"][number]

export const systemRoutes: readonly Served[] = [
  serve(listScopes, async ({ carillon, query, scopes, cursors }) => {
    // How many events others have would show in what is said of their own.
    const all: readonly Given[] =
      scopes === "all"
        ? await carillon.scopes()
        : [...scopes].sort().map((key) => ({ ...parseScope(key), events: null, complete: null }))
    return pageOfWhole(all, { query, cursors, keyOf: ({ account, workspace }) => `${account}/${workspace}` })
  }),
  serve(listWorkers, async ({ carillon, query, cursors }) =>
    pageOfWhole(await carillon.workers(), { query, cursors, keyOf: ({ no }) => String(no) }),
  ),
  serve(getStats, ({ carillon }) => carillon.stats()),
  serve(getDiagnosis, ({ carillon }) => carillon.doctor()),
  serve(prune, async ({ carillon, body, note }) => {
    note(body)
    const report = await carillon.prune(body)
    note({ events: report.events, jobs: report.jobs })
    return report
  }),
  serve(erase, async ({ carillon, body, scopes, note }) => {
    const { where: _, ...how } = body // who it is about stands in no log
    note(how)
    const report = await carillon.erase({ ...body, scopes })
    const { events, staged, deliveries, runs, steps } = report
    note({ events, staged, deliveries, runs, steps })
    return report
  }),
]
