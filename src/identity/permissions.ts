import { expected, InvalidInputError } from "../core/errors.ts"
import { nearestName } from "../core/pattern.ts"

/** What may be allowed to a user, a token or an application, and what each means. */
export const PERMISSIONS = {
  VIEW_EVENTS: "see events, their traces and the stream of them",
  CREATE_EVENTS: "emit events",
  VIEW_DEFINITIONS: "see which events are defined",
  VIEW_SUBSCRIPTIONS: "see subscriptions",
  CREATE_SUBSCRIPTIONS: "make webhooks, change and test them, and give them other secrets",
  UPDATE_SUBSCRIPTIONS: "pause and resume subscriptions, enable and disable webhooks",
  DELETE_SUBSCRIPTIONS: "end subscriptions",
  VIEW_DELIVERIES: "see deliveries, their attempts and dead letters",
  UPDATE_DELIVERIES: "redrive, replay and cancel deliveries",
  VIEW_RUNS: "see workflows and their runs",
  CREATE_RUNS: "start runs",
  UPDATE_RUNS: "cancel and retry runs, and answer for their steps",
  VIEW_SCHEDULES: "see schedules",
  UPDATE_SCHEDULES: "pause, resume and end schedules",
  VIEW_SCOPES: "see which scopes there are",
  VIEW_USERS: "see users and roles",
  CREATE_USERS: "create users",
  UPDATE_USERS: "change roles, and what users may do",
  DELETE_USERS: "remove users and roles",
  VIEW_TOKENS: "see tokens and applications, not their secrets",
  CREATE_TOKENS: "create tokens and applications",
  DELETE_TOKENS: "revoke tokens and applications",
  VIEW_AUDIT: "see who did what",
  ERASE_DATA: "erase the data of a person",
  VIEW_SYSTEM: "see workers, statistics, the doctor's findings and metrics",
  UPDATE_SYSTEM: "delete what is past retention",
} as const

export type Permission = keyof typeof PERMISSIONS

export const PERMISSION_NAMES: readonly Permission[] = Object.freeze(Object.keys(PERMISSIONS) as Permission[])

/** @throws InvalidInputError for what is no permission, with the nearest that is one */
export function checkedPermission(name: unknown): Permission {
  if (typeof name === "string" && Object.hasOwn(PERMISSIONS, name)) return name as Permission
  const near = typeof name === "string" ? nearestName(name, PERMISSION_NAMES) : null
  const mend = near === null ? `There are ${PERMISSION_NAMES.join(", ")}.` : `Did you mean \`${near}\`?`
  throw new InvalidInputError(`${expected("a permission", name)} ${mend}`)
}
