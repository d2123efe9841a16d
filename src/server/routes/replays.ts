import { getReplay, startReplay } from "../../contract/replays.ts"
import { answerWith, locationFrom } from "../answer.ts"
import { type Served, serve } from "../served.ts"

export const replayRoutes: readonly Served[] = [
  serve(startReplay, async ({ carillon, body, scopes, request, note }) => {
    const { subscription, group, eventId, dryRun } = body
    note({ subscription, group, eventId, dryRun })
    const result = await carillon.replay({ ...body, scopes })
    note({ replay: result.id, count: result.count })
    if (result.id === null) return result
    const location = locationFrom(request, 0, [result.id])
    return answerWith(startReplay, result, { status: 202, headers: { location } })
  }),
  serve(getReplay, ({ carillon, params, scopes }) => carillon.replayProgress(params.id, { scopes })),
]
