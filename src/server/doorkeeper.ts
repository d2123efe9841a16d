import type { Carillon } from "../carillon.ts"
import type { Doorkeeper } from "./api.ts"

/** Users, tokens and applications as the store knows them. */
export function doorkeeperOf({ identity }: Carillon): Doorkeeper {
  return {
    authenticate: (presented) => identity.authenticate(presented),
    audited: (access, act, work) => identity.audit.audited(access, act, work),
    cursorKeys: async () => (await identity.keys.ring()).deriveAll("cursors"),
  }
}
