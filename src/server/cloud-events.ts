import { createHash } from "node:crypto"
import type { z } from "@hono/zod-openapi"
import type { cloudEvent } from "../contract/events.ts"
import { isAttribute, present } from "../core/cloud-event.ts"
import { InvalidInputError } from "../core/errors.ts"
import type { EventInput } from "../core/event.ts"

/** A CloudEvent as somebody sent it, and the contract's schema let it in. */
export type GivenCloudEvent = z.output<typeof cloudEvent>

/**
 * The event that a CloudEvent is for us.
 *
 * Two sources may both have an event `1`, so its id is made of both; the same CloudEvent again is the same event.
 */
export function inputOf(given: GivenCloudEvent): EventInput {
  // In JSON an attribute that is not set may be null.
  const { id, source, type, subject, data, data_base64, carillonscope, ...rest } = present(
    given,
  ) as GivenCloudEvent & { data?: unknown }
  const { specversion: _, traceparent, correlationid, causationid, ...others } = rest
  checkExtensions(others)
  if (data !== undefined && data_base64 !== undefined)
    throw new InvalidInputError("Expected a CloudEvent with `data` or `data_base64`, got both.")
  const kept = { id, ...others, ...(data_base64 === undefined ? undefined : { data_base64: true }) }
  return {
    id: `ce_${createHash("sha256").update(`${source}\n${id}`).digest("base64url")}`,
    name: type,
    sender: source,
    data: data ?? data_base64 ?? (given.data === null ? null : undefined),
    metadata: { cloudevents: kept },
    ...present({ key: subject, scope: carillonscope, traceparent }),
    ...present({ correlationId: correlationid, causationId: causationid }),
  }
}

const OURS = ["datacontenttype", "dataschema", "time"]

function checkExtensions(others: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(others)) {
    if (OURS.includes(name) || (/^[a-z0-9]{1,64}$/.test(name) && isAttribute(value))) continue
    throw new InvalidInputError(
      `Expected the extension attributes of a CloudEvent to have names of lower-case letters and digits, and to be text, whole numbers or booleans, got \`${name.slice(0, 64)}\`, which has another name or kind.`,
    )
  }
}
