import type { z } from "@hono/zod-openapi"
import { CLOUD_EVENT, CLOUD_EVENTS, cloudEvent, emitEvents, type eventInput } from "../contract/events.ts"
import type { EventInput } from "../core/event.ts"
import { type ByteLimits, jsonIn, readBytes, refuseCharset, textIn } from "../http/body.ts"
import { HttpError } from "../http/http-error.ts"
import { isJson, mediaType } from "../http/media-type.ts"
import type { Received } from "../http/received.ts"
import { type GivenCloudEvent, inputOf } from "./cloud-events.ts"
import { checked, readJson } from "./reading.ts"

/** The events of a request to emit: ours, or CloudEvents in one of the three forms of their HTTP binding. */
export async function readEmitted(request: Received, limits: ByteLimits): Promise<readonly EventInput[]> {
  const type = mediaType(request.header("content-type"))
  if (type === CLOUD_EVENT || type === CLOUD_EVENTS) return structured(type, request, limits)
  if (request.header("ce-specversion") !== null) return [await binary(type, request, limits)]
  if (type.startsWith("application/cloudevents"))
    throw new HttpError(415, `Expected CloudEvents as ${CLOUD_EVENT} or ${CLOUD_EVENTS}.`)
  const given = checked("body", emitEvents.body as z.ZodType, await readJson(request, limits)) as
    | OurInput
    | OurInput[]
  return (Array.isArray(given) ? given : [given]).map(dated)
}

type OurInput = z.output<typeof eventInput>

function dated(input: OurInput): EventInput {
  const { deliverAt } = input
  return deliverAt === undefined ? (input as EventInput) : { ...input, deliverAt: new Date(deliverAt) }
}

async function structured(type: string, request: Received, limits: ByteLimits): Promise<EventInput[]> {
  refuseCharset(request)
  const schema = emitEvents.otherBodies?.[type] as z.ZodType
  const given = checked("body", schema, jsonIn(await readBytes(request, limits)))
  return (Array.isArray(given) ? given : [given]).map((each: GivenCloudEvent) => inputOf(each))
}

/** Attributes stand in headers, and the body is the data. */
async function binary(type: string, request: Received, limits: ByteLimits): Promise<EventInput> {
  const attributes: Record<string, string> = Object.create(null)
  for (const [header, value] of request.headers())
    if (header.startsWith("ce-")) attributes[header.slice(3)] = decoded(header, value)
  for (const name of ["data", "data_base64", "datacontenttype"])
    if (name in attributes)
      throw new HttpError(400, `Expected no header \`ce-${name}\`: the body has the data.`)
  const contentType = request.header("content-type")
  if (isJson(type) || isText(type)) refuseCharset(request)
  const bytes = await readBytes(request, limits)
  const given = {
    ...attributes,
    ...(contentType === null ? undefined : { datacontenttype: contentType }),
    ...(bytes.length === 0 ? undefined : dataIn(bytes, type)),
  }
  return inputOf(checked("headers", cloudEvent, given) as GivenCloudEvent)
}

/** Text that others than JSON's parser understand stays text; what may be anything travels as base64. */
function dataIn(bytes: Buffer, type: string): Pick<GivenCloudEvent, "data" | "data_base64"> {
  if (isJson(type)) return { data: jsonIn(bytes) }
  return isText(type) ? { data: textIn(bytes) } : { data_base64: bytes.toString("base64") }
}

function isText(type: string): boolean {
  return type.startsWith("text/") || type.endsWith("+xml") || type === "application/xml"
}

/** https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md#3132-http-header-values */
function decoded(header: string, value: string): string {
  const unquoted = /^"(.*)"$/s.exec(value)?.[1]?.replaceAll(/\\(.)/g, "$1") ?? value
  try {
    return decodeURIComponent(unquoted.replaceAll(/%(?![\da-f]{2})/gi, "%25"))
  } catch (cause) {
    throw new HttpError(400, `Expected the header \`${header}\` to be UTF-8, percent-encoded.`, { cause })
  }
}
