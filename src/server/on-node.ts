import type { IncomingMessage, ServerResponse } from "node:http"
import type { HandlerLogger } from "../bus/events.ts"
import { writeReply } from "../http/node-reply.ts"
import { NodeRequest } from "../http/node-request.ts"
import { SAFE_HEADERS } from "./api.ts"
import type { Front } from "./front.ts"
import { refusalOf, replyOf } from "./problem.ts"

export type NodeListener = (incoming: IncomingMessage, outgoing: ServerResponse) => void

/** What Node's own server calls with each request: the same front as for everybody, and the same answers. */
export function onNode(front: Front, logger: HandlerLogger): NodeListener {
  return (incoming, outgoing) => {
    answered(front, incoming)
      .then((reply) => writeReply(outgoing, reply))
      .catch((error: unknown) => fail(error, outgoing, logger))
  }
}

async function answered(front: Front, incoming: IncomingMessage) {
  return front.answer(new NodeRequest(incoming))
}

/** What is no request has its refusal here; all else is a fault of ours, for what fails inside was answered there. */
function fail(error: unknown, outgoing: ServerResponse, logger: HandlerLogger): void {
  const { problem, headers } = refusalOf(error)
  if (problem.status >= 500) logger.error({ err: error }, "A request could not be answered.")
  if (outgoing.headersSent) outgoing.destroy()
  else writeReply(outgoing, replyOf({ problem, headers: { ...SAFE_HEADERS, ...headers } }))
}
