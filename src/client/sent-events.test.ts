import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { SentEvents } from "./sent-events.ts"

const STREAM = [
  "\ufeffretry: 2000\n\n",
  "id: p0\n\n",
  ": a heart beat\n\n",
  'id: p1\nevent: event\ndata: {"event":1}\n\n',
  "event: delivery\r\nid:p2\r\ndata: two\r\ndata:\r\ndata:  lines\r\n\r\n",
  "data: old returns\r\r",
  "id: with\0zero\nretry: soon\nunknown: field\ndata\n\n",
  "event: forgotten\n\ndata: last\n\n",
  "data: never ends\n",
].join("")

const EVENTS = [
  { name: "message", data: "", id: "p0" },
  { name: "event", data: '{"event":1}', id: "p1" },
  { name: "delivery", data: "two\n\n lines", id: "p2" },
  { name: "message", data: "old returns", id: "p2" },
  { name: "message", data: "", id: "p2" },
  { name: "message", data: "last", id: "p2" },
]

describe("server-sent events", () => {
  it("are read as the standard has them", () => {
    const wire = new SentEvents()

    expect(wire.push(STREAM)).toEqual(EVENTS)
    expect(wire.retryMs).toBe(2_000)
  })

  it("are the same wherever the text is cut", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(STREAM.length)), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), STREAM.length]
        const wire = new SentEvents()

        const pieces = places.slice(1).map((end, i) => STREAM.slice(places[i], end))

        expect(pieces.flatMap((piece) => wire.push(piece))).toEqual(EVENTS)
      }),
    )
  })
})
