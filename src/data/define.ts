import { UnsupportedError } from "../core/errors.ts"
import { checkSchema, choicesOf, namesOf } from "./definition-rules.ts"
import type { Entity, Schema } from "./entity.ts"
import { newProperty } from "./property.ts"

const ENTITY = Symbol.for("carillon.entity") // an application may load this module twice

/**
 * Describes the data of modules: `model.define` makes a data model out of properties.
 *
 * @example
 * ```ts
 * import { model } from "carillon"
 *
 * export const Brand = model.define("brand", {
 *   id: model.id({ prefix: "brand" }).primaryKey(),
 *   name: model.text().searchable(),
 *   country: model.text().nullable(),
 *   isVisible: model.boolean().default(true),
 * })
 * ```
 */
export const model = Object.freeze({
  /**
   * Makes a data model. `created_at`, `updated_at` and `deleted_at` are always there and not listed.
   *
   * @param nameOrNames - the name by which it is asked for; with `tableName` when its table is called otherwise
   * @throws InvalidInputError when a name or a property cannot be used
   */
  define<const S extends Schema>(
    nameOrNames: string | { readonly name?: string; readonly tableName: string },
    schema: S,
  ): Entity<S> {
    const { name, tableName } = namesOf(nameOrNames)
    checkSchema(name, schema)
    return Object.freeze({ [ENTITY]: true, name, tableName, schema: Object.freeze({ ...schema }) })
  },
  /** A text that is made for each new row: 26 letters that sort by time, after `prefix_` if there is one. */
  id: ({ prefix = null }: { readonly prefix?: string | null } = {}) =>
    newProperty<string, true>("id", { prefix }),
  text: () => newProperty<string>("text"),
  /** A whole number, at most 2^53 - 1. */
  number: () => newProperty<number>("number"),
  /** A number with fractions, as precise as JavaScript's. */
  float: () => newProperty<number>("float"),
  boolean: () => newProperty<boolean>("boolean"),
  /** A moment, in milliseconds; handed in as a `Date` or as an ISO text, handed out as a `Date`. */
  dateTime: () => newProperty<Date>("dateTime"),
  /** Anything that JSON can hold. */
  json: <T = Record<string, unknown>>() => newProperty<T>("json"),
  /** A list of texts. */
  array: () => newProperty<string[]>("array"),
  /** One of a few texts or numbers: a list of them, or a TypeScript enum. */
  enum: <const Choices extends readonly (string | number)[] | Readonly<Record<string, string | number>>>(
    choices: Choices,
  ) => newProperty<ChoiceOf<Choices>>("enum", { choices: choicesOf(choices) }),
  bigNumber: () => missing("bigNumber", "Use `model.number()` for the smallest unit, or `model.text()`."),
  autoincrement: () => missing("autoincrement", "Use `model.id()`."),
  hasOne: () => missing("hasOne", RELATIONS),
  hasMany: () => missing("hasMany", RELATIONS),
  belongsTo: () => missing("belongsTo", RELATIONS),
  manyToMany: () => missing("manyToMany", RELATIONS),
})

export function isEntity(value: unknown): value is Entity {
  return typeof value === "object" && value !== null && ENTITY in value
}

type ChoiceOf<Choices> = Choices extends readonly (infer Each)[] ? Each : Choices[keyof Choices]

const RELATIONS =
  "Data models have no relations yet: keep the other row's id in a `model.text().index()` and look it up."

function missing(name: string, mend: string): never {
  throw new UnsupportedError(`Expected no \`model.${name}()\`: there is none yet. ${mend}`)
}
