import { type Access, hasResource, isAllowed } from "../../../identity/access.ts"
import type { Permission } from "../../../identity/permissions.ts"
import { unauthorized } from "./refusals.ts"

/** What may be done at the door. */
export type ShopAct = keyof typeof ACTS

/**
 * Whoever has the permissions may do it, and so may who has the resource of a shop's module: a role with
 * `Aligent_AsyncEvents::manage` does here what it does there.
 */
const ACTS = {
  view: { permissions: ["VIEW_SUBSCRIPTIONS"], resource: "async_events_get" },
  create: { permissions: ["CREATE_SUBSCRIPTIONS"], resource: "async_events_save" },
  update: { permissions: ["UPDATE_SUBSCRIPTIONS"], resource: "async_events_save" },
  remove: { permissions: ["DELETE_SUBSCRIPTIONS"], resource: "async_events_save" },
  listLogs: { permissions: ["VIEW_DELIVERIES"], resource: "async_events_logs_list" },
  trace: { permissions: ["VIEW_DELIVERIES", "VIEW_EVENTS"], resource: "async_events_logs_trace" },
  replay: { permissions: ["UPDATE_DELIVERIES"], resource: "async_events_logs_replay" },
} as const satisfies Record<string, { permissions: readonly Permission[]; resource: string }>

/** The module, and the one that came after it. */
const MODULES = ["Aligent_AsyncEvents", "MageOS_AsyncEvents"] as const
const MANAGE = `${MODULES[0]}::manage`

/** @throws ShopRefusal */
export function checkMayDo(access: Access, act: ShopAct): void {
  const { permissions, resource } = ACTS[act]
  if (permissions.every((each) => isAllowed(access, each))) return
  const names = MODULES.flatMap((each) => [`${each}::manage`, `${each}::${resource}`])
  if (!names.some((each) => hasResource(access, each))) throw unauthorized(MANAGE)
}

/** Nobody whom we know. */
export function stranger(): Error {
  return unauthorized(MANAGE)
}
