import { z } from "@hono/zod-openapi"

/** The media type of every refusal and failure (RFC 9457). */
export const PROBLEM_TYPE = "application/problem+json"

export const problem = z
  .object({
    type: z.string().meta({ description: "Names the kind of problem; it is a name, not a page" }),
    title: z.string().meta({ description: "The kind of problem, in words" }),
    status: z.int(),
    detail: z.string().meta({ description: "What was expected, what came, and how to mend it" }),
    code: z
      .string()
      .optional()
      .meta({ description: "A code of docs/reference/errors.md", examples: ["CARILLON_NOT_FOUND"] }),
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .meta({ description: "What is wrong, place by place" }),
  })
  .meta({ id: "Problem" })

export type Problem = z.output<typeof problem>
