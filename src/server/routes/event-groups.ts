import { clearEventGroup, releaseEventGroup } from "../../contract/event-groups.ts"
import { type Served, serve } from "../served.ts"

export const eventGroupRoutes: readonly Served[] = [
  serve(releaseEventGroup, async ({ carillon, params, scopes }) => {
    await carillon.events.releaseGroupedEvents(params.id, { scopes })
  }),
  serve(clearEventGroup, async ({ carillon, params, body, scopes, note }) => {
    const { eventNames } = body ?? {}
    note({ eventNames })
    await carillon.events.clearGroupedEvents(params.id, { eventNames, scopes })
  }),
]
