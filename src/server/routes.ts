import { applicationRoutes } from "./routes/applications.ts"
import { deliveryRoutes } from "./routes/deliveries.ts"
import { eventGroupRoutes } from "./routes/event-groups.ts"
import { eventRoutes } from "./routes/events.ts"
import { identityRoutes } from "./routes/identity.ts"
import { nameRoutes } from "./routes/names.ts"
import { replayRoutes } from "./routes/replays.ts"
import { roleRoutes } from "./routes/roles.ts"
import { runRoutes } from "./routes/runs.ts"
import { scheduleRoutes } from "./routes/schedules.ts"
import { subscriptionRoutes } from "./routes/subscriptions.ts"
import { systemRoutes } from "./routes/system.ts"
import { tokenRoutes } from "./routes/tokens.ts"
import { userRoutes } from "./routes/users.ts"
import { webhookRoutes } from "./routes/webhooks.ts"
import type { Served } from "./served.ts"

/** Every route of the API, with what answers it. */
export const routes: readonly Served[] = [
  ...eventRoutes,
  ...eventGroupRoutes,
  ...nameRoutes,
  ...deliveryRoutes,
  ...replayRoutes,
  ...subscriptionRoutes,
  ...webhookRoutes,
  ...runRoutes,
  ...scheduleRoutes,
  ...systemRoutes,
  ...identityRoutes,
  ...userRoutes,
  ...roleRoutes,
  ...tokenRoutes,
  ...applicationRoutes,
]
