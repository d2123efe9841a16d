import { createStep } from "./create-step.ts"
import { eventsOf } from "./emit-event-step.ts"

/**
 * Emits now what the run has staged so far, instead of at its end. What has been emitted stays, whatever
 * becomes of the run.
 *
 * @throws InvalidInputError outside of a composer
 */
export const releaseEventsStep = createStep("release-events-step", async (_: undefined, context) => {
  await eventsOf(context).releaseGroupedEvents(context.eventGroupId)
})
