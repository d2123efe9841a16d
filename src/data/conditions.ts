import type { Entity, InferTypeOf } from "./entity.ts"

/** What a property of a row is compared with. */
export interface Operators<T> {
  readonly $eq?: T | null
  readonly $ne?: T | null
  readonly $gt?: T
  readonly $gte?: T
  readonly $lt?: T
  readonly $lte?: T
  readonly $in?: readonly (T | null)[]
  readonly $nin?: readonly (T | null)[]
  /** `%` stands for any text, `_` for one letter, `\` before one of them for itself. */
  readonly $like?: string
  /** As `$like`, whatever the case of the letters. */
  readonly $ilike?: string
  readonly $not?: Operators<T> | T | null
}

type Comparable<T> = T extends Date ? Date | string : T
type Condition<T> = Comparable<T> | readonly Comparable<T>[] | Operators<Comparable<T>> | null

/** Which rows are meant: all that every line of it is true of. */
export type Filters<E extends Entity = Entity> = {
  readonly [K in keyof InferTypeOf<E>]?: Condition<InferTypeOf<E>[K]>
} & {
  /** A text that one of the searchable properties contains, whatever the case of its letters. */
  readonly q?: string
  readonly $and?: readonly Filters<E>[]
  readonly $or?: readonly Filters<E>[]
  readonly $not?: Filters<E>
}
