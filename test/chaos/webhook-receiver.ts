// Promise: recipients in a process of their own, which nobody kills: they write down each attempt that arrives, when
// it began and how it ended, and answer as they are told.
import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { setTimeout as sleep } from "node:timers/promises"
import { Book, type Verb } from "./book.ts"
import type { EventData } from "./plans.ts"

/** `well` answers as the event says, `down` with 503, `asking` with 429 and a wish, `hanging` not at all. */
export type Mood = "well" | "down" | "asking" | "hanging"

const book = new Book(process.argv[2] as string, "receiver")
const moods = new Map<string, Mood>()

const server = createServer((request, response) => {
  receive(request, response).catch(() => response.destroy())
})
await once(server.listen(0, "127.0.0.1"), "listening")
process.on("message", ({ endpoint, mood }: { endpoint: string; mood: Mood }) => moods.set(endpoint, mood))
process.on("disconnect", () => process.exit(1)) // nobody is left to end us
process.send?.({ port: (server.address() as AddressInfo).port })

async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const endpoint = request.url?.slice(1) ?? ""
  const { data } = JSON.parse((await request.toArray()).join("")) as { data: EventData }
  const attempt = Number(request.headers["webhook-attempt"])
  const id = String(request.headers["webhook-id"])
  const write = (verb: Verb): void => book.write(verb, data.n, endpoint, attempt, id)
  write("begin")
  // Whoever asked may be gone before there is an answer.
  response.once("close", () => write(response.writableFinished ? endOf(response) : "note"))
  await answer(response, { mood: moods.get(endpoint) ?? "well", data, attempt })
}

function endOf(response: ServerResponse): Verb {
  return response.statusCode < 300 ? "done" : "fail"
}

async function answer(
  response: ServerResponse,
  asked: { readonly mood: Mood; readonly data: EventData; readonly attempt: number },
): Promise<void> {
  const { mood, data, attempt } = asked
  if (mood === "hanging") return
  if (data.ms !== undefined) await sleep(data.ms)
  if (mood === "down") response.writeHead(503)
  else if (mood === "asking") response.writeHead(429, { "retry-after": "1" })
  else response.writeHead(attempt <= (data.fails ?? 0) ? 500 : 200)
  response.end()
}
