/** What became of an attempt, and with it of the delivery or job it was made for. */
export type Outcome =
  | { readonly kind: "delivered" }
  /** `dueAt` is the earliest time of the next attempt, in milliseconds since 1970. */
  | { readonly kind: "retry"; readonly dueAt: number; readonly error: string }
  /** `error` is what the last attempt failed with, `reason` why there is no other. */
  | { readonly kind: "dead"; readonly error: string; readonly reason: string }
  | { readonly kind: "cancelled"; readonly reason: string }
