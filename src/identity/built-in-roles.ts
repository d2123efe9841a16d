import { PERMISSION_NAMES, type Permission } from "./permissions.ts"
import type { Role } from "./roles.ts"

/** Who others are, and what they did, is not for everybody who looks at events. */
const PERSONAL: readonly Permission[] = ["VIEW_USERS", "VIEW_TOKENS", "VIEW_AUDIT"]
const VIEWS = PERMISSION_NAMES.filter((each) => each.startsWith("VIEW_") && !PERSONAL.includes(each))

/** The roles that come with Carillon, by their names. */
export const builtInRoles: ReadonlyMap<string, Role> = new Map(
  [
    builtIn("admin", "may do everything", "all"),
    builtIn("operator", "sees and steers, but for users, tokens and erasure", [
      ...VIEWS,
      "VIEW_AUDIT",
      "CREATE_SUBSCRIPTIONS",
      "UPDATE_SUBSCRIPTIONS",
      "DELETE_SUBSCRIPTIONS",
      "UPDATE_DELIVERIES",
      "CREATE_RUNS",
      "UPDATE_RUNS",
      "UPDATE_SCHEDULES",
    ]),
    builtIn("developer", "sees, emits, sends again and starts runs", [
      ...VIEWS,
      "CREATE_EVENTS",
      "UPDATE_DELIVERIES",
      "CREATE_RUNS",
      "UPDATE_RUNS",
    ]),
    builtIn("viewer", "sees what happens, and changes nothing", VIEWS),
    builtIn("emitter", "emits events, and sees nothing", ["CREATE_EVENTS"]),
  ].map((role) => [role.name, role]),
)

function builtIn(name: string, description: string, permissions: "all" | readonly Permission[]): Role {
  return Object.freeze({ name, description, permissions, resources: [], builtIn: true })
}
