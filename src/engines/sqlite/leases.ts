// The leases port, a file for each kind of verb: who works here, what waits together, what waits alone.
export { ClaimCursors, claim } from "./claim.ts"
export { take } from "./take.ts"
export { handBack, heartbeat, join, leave, type ProcessIdentity, peek } from "./workers.ts"
