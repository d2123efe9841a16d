import type { LaneName } from "../lane.ts"
import { cancelling } from "./cancelling.ts"
import { conditions } from "./conditions.ts"
import type { Difference } from "./difference.ts"
import { errors } from "./errors.ts"
import { identity } from "./identity.ts"
import { undoing } from "./undoing.ts"
import { values } from "./values.ts"
import { waiting } from "./waiting.ts"

/** All that is otherwise, and is meant to be. */
export const differences: readonly Difference[] = [
  ...values,
  ...undoing,
  ...errors,
  ...cancelling,
  ...identity,
  ...conditions,
  ...waiting,
]

/** Programs that a lane of Medusa's plays now so, now so: there is nothing to compare with. */
export const RACES: Readonly<Partial<Record<LaneName, Readonly<Record<string, string>>>>> = {
  "medusa-redis": {
    "five-at-once": "the workflow runs again, up to five times, when its background steps end together",
    "five-from-outside": "one of five answers at the same time may be refused with a version conflict",
  },
}
