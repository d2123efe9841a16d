import type { CarillonClient } from "../../client/client.ts"
import type { Operator } from "../operator.ts"
import { everything } from "./everything.ts"

type Standing = Pick<Operator, "subscriptions" | "pause" | "resume" | "removeSubscription">

/** What stands in the catalog. Schedules have a room of their own, as they have permissions. */
export function remoteStanding(client: CarillonClient): Standing {
  const { subscriptions, schedules } = client
  return {
    subscriptions: () => everything(subscriptions.list({ limit: 1_000 })),
    pause: async (name, { group } = {}) => {
      await (isSchedule(name) ? schedules : subscriptions).pause(name, { group })
    },
    resume: async (name, { group } = {}) => {
      await (isSchedule(name) ? schedules : subscriptions).resume(name, { group })
    },
    removeSubscription: async (name, { group } = {}) =>
      isSchedule(name)
        ? { ...(await schedules.remove(name, { group })), cancelled: 0 }
        : subscriptions.remove(name, { group }),
  }
}

function isSchedule(name: string): boolean {
  return name.startsWith("schedule:")
}
