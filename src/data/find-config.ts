import { expected, InvalidInputError, UnsupportedError } from "../core/errors.ts"
import { type Shape, traitsOf } from "./shape.ts"

/** A configuration whose every value was looked at. */
export interface CheckedConfig {
  readonly select: readonly string[]
  readonly skip: number
  readonly take: number | null // null = all
  readonly order: readonly (readonly [property: string, isDown: boolean])[]
  readonly withDeleted: boolean
}

/** @throws InvalidInputError when an option or a property does not exist, or a value is none that it can have */
export function checkConfig(shape: Shape, given: unknown): CheckedConfig {
  const config = given ?? {}
  if (typeof config !== "object" || Array.isArray(config))
    throw new InvalidInputError(expected(`the configuration for \`${shape.name}\` to be an object`, config))
  for (const name of Object.keys(config))
    if (!OPTIONS.includes(name))
      throw new InvalidInputError(
        `Expected an option of a list (${OPTIONS.join(", ")}), got \`${name}\`. Filters stand in the argument before.`,
      )
  const { select, skip, take, order, withDeleted, relations } = config as Readonly<Record<string, unknown>>
  if (relations !== undefined && !(Array.isArray(relations) && relations.length === 0))
    throw new UnsupportedError(
      `Expected no \`relations\` of \`${shape.name}\`: data models have none yet. Look the other rows up by their ids.`,
    )
  return {
    select: selection(shape, select),
    skip: wholeNumber("skip", skip) ?? 0,
    take: wholeNumber("take", take),
    order: ordering(shape, order),
    withDeleted: withDeleted === true,
  }
}

const OPTIONS = ["select", "skip", "take", "order", "withDeleted", "relations"]

function selection(shape: Shape, select: unknown): readonly string[] {
  if (select === undefined || select === null) return [...shape.properties.keys()]
  if (!Array.isArray(select) || select.length === 0)
    throw new InvalidInputError(
      expected(`\`select\` to be a list of properties of \`${shape.name}\``, select),
    )
  const names = new Set(
    select.flatMap((name) => (name === "*" ? [...shape.properties.keys()] : [String(name)])),
  )
  for (const name of names) traitsOf(shape, name)
  return [...shape.properties.keys()].filter((name) => names.has(name))
}

function wholeNumber(name: string, value: unknown): number | null {
  if (value === undefined || value === null) return null
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number
  throw new InvalidInputError(expected(`\`${name}\` to be a whole number from 0 up`, value))
}

/** Ends with the primary key, so that pages neither overlap nor have gaps. */
function ordering(shape: Shape, order: unknown): readonly (readonly [string, boolean])[] {
  if (order !== undefined && order !== null && (typeof order !== "object" || Array.isArray(order)))
    throw new InvalidInputError(expected('`order` to be an object such as `{ name: "ASC" }`', order))
  const entries = Object.entries(order ?? {}).map(([name, direction]) => {
    const { kind } = traitsOf(shape, name)
    if (kind === "json" || kind === "array")
      throw new InvalidInputError(
        `Expected \`order\` by a property with an order, but \`${name}\` is ${kind}.`,
      )
    const word = typeof direction === "string" ? direction.toUpperCase() : ""
    if (word === "ASC" || word === "DESC") return [name, word === "DESC"] as const
    throw new InvalidInputError(expected(`\`order.${name}\` to be "ASC" or "DESC"`, direction))
  })
  return entries.some(([name]) => name === shape.key) ? entries : [...entries, [shape.key, false]]
}
