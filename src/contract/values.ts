import { z } from "@hono/zod-openapi"

/** Instants travel as ISO 8601 in UTC. */
export const instant = z.iso.datetime().meta({ examples: ["2026-03-01T09:30:00.000Z"] })

/** A moment in a query: ISO 8601, or milliseconds since 1970. */
export const moment = z
  .union([z.iso.datetime({ offset: true }), z.iso.date(), z.string().regex(/^\d{1,14}$/)])
  .transform((text) => new Date(isYear(text) || /\D/.test(text) ? text : Number(text)))
  .meta({ description: "ISO 8601, or milliseconds since 1970", examples: ["2026-03-01T00:00:00Z"] })

export const scope = z.strictObject({ account: z.string(), workspace: z.string() })

/** As ISO 8601 has it; nobody means the first ten seconds of 1970. */
function isYear(text: string): boolean {
  return /^\d{4}$/.test(text)
}

/** `account/workspace`, or an account alone. */
export const scopeText = z
  .string()
  .min(1)
  .max(129)
  .meta({ description: "`account/workspace`: only what lies there", examples: ["acme/master"] })

/** What a store can keep and compare: names, ids, words. It has neither NUL nor half a character. */
export const words = (most: number): z.ZodString =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[^\0]*$/, "Expected text without NUL")
    .refine((value) => value.isWellFormed(), "Expected text that is whole")

/** Ids and names in paths. */
export const text = (description: string, example: string): z.ZodString =>
  z
    .string()
    .min(1)
    .max(600)
    .meta({ description, examples: [example] })

/** Anything that JSON can hold. */
export const json = z.unknown().meta({ description: "Anything that JSON can hold" })
