import type { Program } from "../stage.ts"
import { background } from "./background.ts"
import { cancelling } from "./cancelling.ts"
import { conditions } from "./conditions.ts"
import { events } from "./events.ts"
import { failing } from "./failing.ts"
import { families } from "./families.ts"
import { hooks } from "./hooks.ts"
import { identity } from "./identity.ts"
import { misusing } from "./misusing.ts"
import { nested } from "./nested.ts"
import { order } from "./order.ts"
import { querying } from "./querying.ts"
import { retrying } from "./retrying.ts"
import { scheduling } from "./scheduling.ts"
import { siblings } from "./siblings.ts"
import { telling } from "./telling.ts"
import { timing } from "./timing.ts"
import { tolerating } from "./tolerating.ts"
import { transforming } from "./transforming.ts"
import { undoing } from "./undoing.ts"
import { values } from "./values.ts"
import { waiting } from "./waiting.ts"

export const programs: readonly Program[] = [
  ...order,
  ...siblings,
  ...transforming,
  ...values,
  ...failing,
  ...tolerating,
  ...undoing,
  ...retrying,
  ...conditions,
  ...hooks,
  ...nested,
  ...families,
  ...identity,
  ...misusing,
  ...events,
  ...cancelling,
  ...querying,
  ...waiting,
  ...background,
  ...telling,
  ...timing,
  ...scheduling,
]
