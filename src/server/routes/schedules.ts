import { listSchedules, pauseSchedule, removeSchedule, resumeSchedule } from "../../contract/schedules.ts"
import { type Served, serve } from "../served.ts"
import { pageOfWhole } from "../whole-list.ts"

export const scheduleRoutes: readonly Served[] = [
  serve(listSchedules, async ({ carillon, query, cursors }) => {
    const all = await carillon.workflows.listSchedules()
    return pageOfWhole(all, { query, cursors, keyOf: ({ group, id }) => `${group} ${id}` })
  }),
  serve(pauseSchedule, async ({ carillon, params, query: { group }, note }) => {
    note({ group })
    await carillon.pause(params.id, { group })
  }),
  serve(resumeSchedule, async ({ carillon, params, query: { group }, note }) => {
    note({ group })
    await carillon.resume(params.id, { group })
  }),
  serve(removeSchedule, async ({ carillon, params, query, note }) => {
    const { id, group } = await carillon.removeSubscription(params.id, query)
    note({ group })
    return { id, group }
  }),
]
