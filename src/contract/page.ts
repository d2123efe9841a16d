import { z } from "@hono/zod-openapi"
import { moment, scopeText } from "./values.ts"

/** What every list takes. */
export const pageQuery = {
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000)
    .optional()
    .meta({ description: "At most so many. By default 50" }),
  cursor: z
    .string()
    .min(1)
    .max(2_000)
    .optional()
    .meta({ description: "What the page before said under `cursor`, with the same filters" }),
}

/** Lists of what lies in scopes. */
export const scopedQuery = { scope: scopeText.optional() }

export const spanQuery = {
  from: moment.optional().meta({ description: "From then on: ISO 8601, or milliseconds since 1970" }),
  to: moment.optional().meta({ description: "Before then" }),
}

/** Lists that can be searched by what events hold. */
export const searchQuery = {
  filter: z
    .string()
    .min(2)
    .max(4_000)
    .transform((text, context) => patternIn(text) ?? refuse(context))
    .optional()
    .meta({
      description:
        "An event pattern as JSON; it needs `name` and `from`. A page looks through 5,000 events at most, and may be short, or empty, before the end",
      examples: ['{"data":{"total":[{"numeric":[">",100]}]}}'],
    }),
}

/** What is no object is no pattern; what else it has to be is for the library to say. */
function patternIn(text: string): Record<string, unknown> | null {
  try {
    const pattern: unknown = JSON.parse(text)
    return typeof pattern === "object" && !Array.isArray(pattern)
      ? (pattern as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}

function refuse(context: z.core.$RefinementCtx): never {
  context.addIssue("Expected an event pattern as JSON")
  return z.NEVER
}

/** Part of a list. It may be short, or empty, before the end: only `cursor: null` is the end. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({
    items: z.array(item),
    cursor: z.string().nullable().meta({ description: "Where the list goes on; null = this was its end" }),
  })
}
