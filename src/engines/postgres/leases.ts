// The leases port, a file for each kind of verb: who works here, what waits together, what waits alone.
export { ClaimCursors, claim } from "./claim.ts"
export { TakeMarks, take } from "./take.ts"
export { handBack, heartbeat, join, leave, peek } from "./workers.ts"
