import type { Property } from "./property.ts"

/** The properties of a data model by their names. */
export type Schema = Readonly<Record<string, Property>>

/** A data model: what `model.define` returns. */
export interface Entity<S extends Schema = Schema> {
  readonly name: string
  readonly tableName: string
  readonly schema: S
}

/** What every row has, whatever its model says. */
export interface Timestamps {
  created_at: Date
  updated_at: Date
  deleted_at: Date | null // null = it is there
}

type Flat<T> = { [K in keyof T]: T[K] } & {}

/**
 * A row of a data model.
 *
 * @example
 * ```ts
 * import { type InferTypeOf, model } from "carillon"
 *
 * const Brand = model.define("brand", { id: model.id().primaryKey(), name: model.text() })
 *
 * const label = (brand: InferTypeOf<typeof Brand>) => `${brand.name}, since ${brand.created_at.getFullYear()}`
 * ```
 */
export type InferTypeOf<E extends Entity> = Flat<
  { -readonly [K in keyof E["schema"]]: E["schema"][K]["$type"] } & Timestamps
>

type KeyOf<S extends Schema> = { [K in keyof S]: S[K]["$isKey"] extends true ? K : never }[keyof S]
type LackableOf<S extends Schema> = { [K in keyof S]: S[K]["$mayLack"] extends true ? K : never }[keyof S]

/** The name of the property that rows are known by. */
export type PrimaryKeyOf<E extends Entity> = KeyOf<E["schema"]>

/** A date as it may be handed in. */
type Given<T> = T extends Date ? Date | string : T

/** A row to be made: what has a default, may be null or is an id may be left out. */
export type CreateInput<E extends Entity> = Flat<
  {
    readonly [K in Exclude<keyof E["schema"], LackableOf<E["schema"]>>]: Given<E["schema"][K]["$type"]>
  } & { readonly [K in LackableOf<E["schema"]>]?: Given<E["schema"][K]["$type"]> } & GivenTimestamps
>

/** What is to be changed of rows. */
export type ChangeInput<E extends Entity> = Flat<
  { readonly [K in keyof E["schema"]]?: Given<E["schema"][K]["$type"]> } & GivenTimestamps
>

/** What is to be changed of one row, and which. */
export type UpdateInput<E extends Entity> = Flat<
  Omit<ChangeInput<E>, PrimaryKeyOf<E>> & {
    readonly [K in PrimaryKeyOf<E>]: Given<E["schema"][K]["$type"]>
  }
>

type GivenTimestamps = { readonly [K in keyof Timestamps]?: Given<Timestamps[K]> }
