import type { Entity, InferTypeOf } from "./entity.ts"

export type Direction = "ASC" | "DESC" | "asc" | "desc"

/** Which part of the rows, how much of each, and in which order. */
export interface FindConfig<E extends Entity = Entity> {
  /** Names of properties. @defaultValue all */
  readonly select?: readonly (keyof InferTypeOf<E> & string)[]
  /** How many rows are passed over. @defaultValue 0 */
  readonly skip?: number | null
  /** How many rows at most. @defaultValue all */
  readonly take?: number | null
  /** Empty values come last going up, first going down. @defaultValue by the primary key */
  readonly order?: { readonly [K in keyof InferTypeOf<E>]?: Direction }
  /** Rows that were softly deleted, too. @defaultValue false */
  readonly withDeleted?: boolean
  /** Data models have no relations yet: anything but an empty list is refused. */
  readonly relations?: readonly string[]
}
