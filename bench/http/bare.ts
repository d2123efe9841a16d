import { serve } from "@hono/node-server"
import { Hono } from "hono"
import { onMessages } from "./messages.ts"

// Promise: a route that parses the same body and answers the same bytes, and nothing else. Sends its port.

const app = new Hono()
let count = 0

app.post("/api/events", async (c) => {
  const body: unknown = await c.req.json()
  const events = (Array.isArray(body) ? body : [body]).map(() => ({ id: idOf(++count), existing: false }))
  return c.json({ events }, 201)
})

serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => process.send?.({ port }))
onMessages(() => process.exit(0))

/** As long as an event's id. */
function idOf(no: number): string {
  return `evt_${String(no).padStart(29, "0")}`
}
