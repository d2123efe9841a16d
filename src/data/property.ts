import { expected, InvalidInputError } from "../core/errors.ts"

export type PropertyKind =
  | "id"
  | "text"
  | "number"
  | "float"
  | "boolean"
  | "dateTime"
  | "enum"
  | "array"
  | "json"

/** What is known of a property beside its name. */
export interface PropertyTraits {
  readonly kind: PropertyKind
  readonly isPrimaryKey: boolean
  readonly isNullable: boolean
  readonly isUnique: boolean
  readonly isIndexed: boolean
  readonly isSearchable: boolean
  readonly defaultValue: unknown // undefined = none
  readonly prefix: string | null // of ids that are made
  readonly choices: readonly unknown[] // of an enum
}

/**
 * One property of a data model: what it holds, and what is asked of it. Each method returns a new one.
 *
 * `MayLack` says whether a new row may leave it out, `IsKey` whether rows are known by it.
 */
export class Property<T = unknown, MayLack extends boolean = boolean, IsKey extends boolean = boolean> {
  /** For types only: there is no value. */
  declare readonly $type: T
  /** For types only: there is no value. */
  declare readonly $mayLack: MayLack
  /** For types only: there is no value. */
  declare readonly $isKey: IsKey
  readonly traits: PropertyTraits

  constructor(traits: PropertyTraits) {
    this.traits = Object.freeze(traits)
  }

  /** Rows are known by this property; each model has exactly one such. */
  primaryKey(): Property<T, MayLack, true> {
    return new Property({ ...this.traits, isPrimaryKey: true })
  }

  /** It may be `null`, and is where a new row leaves it out. */
  nullable(): Property<T | null, true, IsKey> {
    return new Property({ ...this.traits, isNullable: true })
  }

  /** What a new row has that leaves it out. */
  default(value: T): Property<T, true, IsKey> {
    if (value === undefined) throw new InvalidInputError(expected("`default` to get a value", value))
    return new Property({ ...this.traits, defaultValue: value })
  }

  /** No two rows have the same; those that were softly deleted do not count. */
  unique(): Property<T, MayLack, IsKey> {
    return new Property({ ...this.traits, isUnique: true })
  }

  /** Rows are often looked for by it. */
  index(): Property<T, MayLack, IsKey> {
    return new Property({ ...this.traits, isIndexed: true })
  }

  /** The filter `q` looks into it; only for text. */
  searchable(): Property<T, MayLack, IsKey> {
    if (this.traits.kind !== "text")
      throw new InvalidInputError(
        expected("`searchable` on `model.text()` only", `model.${this.traits.kind}()`),
      )
    return new Property({ ...this.traits, isSearchable: true })
  }
}

export function newProperty<T, MayLack extends boolean = false>(
  kind: PropertyKind,
  more: Partial<PropertyTraits> = {},
): Property<T, MayLack, false> {
  return new Property({ ...PLAIN, kind, ...more })
}

const PLAIN: Omit<PropertyTraits, "kind"> = {
  isPrimaryKey: false,
  isNullable: false,
  isUnique: false,
  isIndexed: false,
  isSearchable: false,
  defaultValue: undefined,
  prefix: null,
  choices: [],
}
