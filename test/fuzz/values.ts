import fc, { type Arbitrary } from "fast-check"
import type { ApiDocument, Schema } from "./document.ts"
import type { Pool } from "./pool.ts"

export interface ValueContext {
  readonly document: ApiDocument
  readonly pool: Pool
  readonly path: string
  /** What the value is called where it stands. */
  readonly name: string
}

/** Values that a schema takes; often such as were seen before under the same name. */
export function valuesOf(schema: Schema, context: ValueContext): Arbitrary<unknown> {
  const whole = context.document.resolved(schema)
  const made = madeOf(whole, context)
  const examples = whole.examples ?? []
  return examples.length === 0
    ? made
    : fc.oneof({ weight: 6, arbitrary: made }, { weight: 1, arbitrary: fc.constantFrom(...examples) })
}

function madeOf(schema: Schema, context: ValueContext): Arbitrary<unknown> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  if ("const" in schema) return fc.constant(schema.const)
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((each) => valuesOf(each, context)))
  const types = [schema.type ?? []].flat()
  if (types.length === 0) return fc.jsonValue({ maxDepth: 3 })
  return fc.oneof(...types.map((type) => MAKERS[type as keyof typeof MAKERS](schema, context)))
}

const MAKERS = {
  null: () => fc.constant(null),
  boolean: () => fc.boolean(),
  integer: (schema: Schema, { name }: ValueContext) => fc.integer(boundsOf(schema, name)),
  number: ({ minimum: min, maximum: max }: Schema) =>
    fc.oneof(
      fc.integer({ min: min ?? -10, max: Math.min(max ?? 1_000, 1_000) }),
      fc.double({ min, max, noNaN: true, noDefaultInfinity: true }),
    ),
  string: (schema: Schema, context: ValueContext) => texts(schema, context),
  array: (schema: Schema, context: ValueContext) =>
    fc.array(valuesOf(schema.items ?? {}, context), {
      minLength: schema.minItems ?? 0,
      maxLength: Math.min(schema.maxItems ?? 4, 4),
    }),
  object: (schema: Schema, context: ValueContext) => objects(schema, context),
}

/** Who asks to wait is asked to wait little: a test has no time. */
function boundsOf(
  { minimum = -1_000, maximum = 2 ** 31 }: Schema,
  name: string,
): { min: number; max: number } {
  return { min: minimum, max: name.endsWith("Ms") ? Math.min(maximum, 20) : maximum }
}

function texts(schema: Schema, { document, pool, path, name }: ValueContext): Arbitrary<string> {
  const made = name === "email" ? emails : freshTexts(schema)
  const known = fc.tuple(fc.nat(1_000), made).map(([at, fresh]) => {
    const said = pool.pick(path, name, at)
    return said !== undefined && document.takes(schema, said) ? said : fresh
  })
  return fc.oneof({ weight: 5, arbitrary: known }, { weight: 1, arbitrary: made })
}

function freshTexts({ format, pattern, minLength = 0, maxLength = 60 }: Schema): Arbitrary<string> {
  if (format === "date-time") return moments.map((at) => at.toISOString())
  if (format === "date") return moments.map((at) => at.toISOString().slice(0, 10))
  if (format === "base64") return fc.base64String({ maxLength: 80 })
  const exact = pattern === undefined ? null : new RegExp(pattern, "u")
  if (exact !== null && !pattern?.includes("[^")) return matching(exact)
  const most = Math.min(maxLength, 40)
  const text = fc.oneof(
    words,
    fc.string({ unit: grapheme, minLength, maxLength: most }),
    fc.string({ unit: binary, minLength, maxLength: most }),
  )
  return text.filter(
    (each) => each.length >= minLength && each.length <= maxLength && exact?.test(each) !== false,
  )
}

// To make these anew each time would take longer than everything else.
const emails = fc.stringMatching(/^[a-z]{3,8}@shop\.example$/)
const words = fc.stringMatching(/^[a-z][a-z0-9._-]{0,19}$/)
const grapheme = fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 })
const binary = fc.string({ unit: "binary", minLength: 1, maxLength: 1 })

const matched = new Map<string, Arbitrary<string>>()

function matching(pattern: RegExp): Arbitrary<string> {
  const made = matched.get(pattern.source) ?? fc.stringMatching(pattern)
  matched.set(pattern.source, made)
  return made
}

const moments = fc.date({ min: new Date("1970-01-01"), max: new Date("2100-01-01"), noInvalidDate: true })

function objects(schema: Schema, context: ValueContext): Arbitrary<unknown> {
  const { properties = {}, required = [], additionalProperties } = schema
  const parts = Object.entries(properties).map(
    ([name, each]) => [name, valuesOf(each, { ...context, name })] as const,
  )
  if (parts.length > 0)
    return fc.record(Object.fromEntries(parts), { requiredKeys: [...required] as never[] })
  if (additionalProperties === false) return fc.constant({})
  const each = typeof additionalProperties === "object" ? additionalProperties : {}
  return fc.dictionary(
    fc.string({ minLength: 1, maxLength: 10 }).filter((key) => key !== "__proto__"),
    valuesOf(each, context),
    { maxKeys: 3 },
  )
}
