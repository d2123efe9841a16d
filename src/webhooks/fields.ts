import { expected, InvalidInputError } from "../core/errors.ts"

const MOST_FIELDS = 100
const DEEPEST = 20

/**
 * The data with these fields of it and no others. A path goes through objects, and through every element of an array:
 * `customer.email`, `items.sku`. What is not there is left out; data that has no fields is `null`.
 */
export function selectFields(data: unknown, fields: readonly string[] | null): unknown {
  if (fields === null) return data
  const selected = pick(data, wishOf(fields))
  return selected === undefined ? null : selected
}

/** @throws InvalidInputError for what are no paths, or too many */
export function checkedFields(fields: unknown): readonly string[] | null {
  if (fields === undefined || fields === null) return null
  if (!Array.isArray(fields) || fields.length === 0 || fields.length > MOST_FIELDS)
    throw new InvalidInputError(
      expected(`\`fields\` to be 1 to ${MOST_FIELDS} paths, or null for all`, fields),
    )
  return [...new Set(fields.map(checkedField))]
}

function checkedField(field: unknown): string {
  const parts = typeof field === "string" ? field.split(".") : []
  if (parts.length > 0 && parts.length <= DEEPEST && parts.every((part) => part !== ""))
    return field as string
  throw new InvalidInputError(
    expected(
      `each of \`fields\` to be names with \`.\` between, at most ${DEEPEST}, as \`customer.email\``,
      field,
    ),
  )
}

/** Which fields are wished for of an object, and what of each; null = all of it. */
type Wish = Map<string, Wish> | null

function wishOf(fields: readonly string[]): Wish {
  const root: Map<string, Wish> = new Map()
  for (const field of fields) {
    const parts = field.split(".")
    const last = parts.pop() as string
    let wish: Wish = root
    for (const part of parts) wish = deeper(wish, part)
    wish?.set(last, null)
  }
  return root
}

/** Where all of something is wished for, a part of it adds nothing. */
function deeper(wish: Wish, part: string): Wish {
  if (wish === null) return null
  if (!wish.has(part)) wish.set(part, new Map())
  return wish.get(part) as Wish
}

/** Undefined = there is nothing of what is wished for. */
function pick(given: unknown, wish: Wish): unknown {
  if (wish === null) return given
  const value = asJson(given)
  if (Array.isArray(value)) return value.map((each) => pick(each, wish)).filter((each) => each !== undefined)
  if (typeof value !== "object" || value === null) return undefined
  const picked = [...wish].flatMap(([name, inner]) => {
    const found = Object.hasOwn(value, name)
      ? pick((value as Readonly<Record<string, unknown>>)[name], inner)
      : undefined
    return found === undefined ? [] : [[name, found] as const]
  })
  return Object.fromEntries(picked)
}

/** What a resolver returned may say itself what its JSON is. */
function asJson(value: unknown): unknown {
  const { toJSON } = (value ?? {}) as { toJSON?: unknown }
  return typeof toJSON === "function" ? toJSON.call(value) : value
}
