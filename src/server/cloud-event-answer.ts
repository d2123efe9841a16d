import { binaryForm, type CloudEvent } from "../core/cloud-event.ts"
import { Reply } from "../http/reply.ts"
import { SAFE_HEADERS } from "./api.ts"

/** One CloudEvent with its attributes in headers, and its data as it is. */
export function binaryAnswer(event: CloudEvent): Reply {
  const { headers, contentType, body } = binaryForm(event)
  const type = body === null ? undefined : { "content-type": contentType }
  return new Reply(body, { headers: { ...SAFE_HEADERS, ...headers, ...type } })
}
