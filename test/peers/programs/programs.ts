import type { Program } from "../stage.ts"
import { cancelling } from "./cancelling.ts"
import { conditions } from "./conditions.ts"
import { events } from "./events.ts"
import { failing } from "./failing.ts"
import { hooks } from "./hooks.ts"
import { identity } from "./identity.ts"
import { nested } from "./nested.ts"
import { order } from "./order.ts"
import { querying } from "./querying.ts"
import { timing } from "./timing.ts"
import { undoing } from "./undoing.ts"
import { values } from "./values.ts"
import { waiting } from "./waiting.ts"

export const programs: readonly Program[] = [
  ...order,
  ...values,
  ...failing,
  ...undoing,
  ...conditions,
  ...hooks,
  ...nested,
  ...identity,
  ...events,
  ...cancelling,
  ...querying,
  ...waiting,
  ...timing,
]
