import { createSocket } from "node:dgram"
import { onTestFinished } from "vitest"

/** What a name server says of a name: its addresses, that there is none, that it cannot tell, or nothing at all. */
export type NameAnswer = readonly string[] | "unknown" | "failure" | "silence"

export type NameAnswerer = (name: string, kind: "A" | "AAAA" | "NS") => NameAnswer

const KINDS = { 1: "A", 28: "AAAA", 2: "NS" } as const

/** A server of the DNS on this machine, until the test ends. */
export async function nameServer(answer: NameAnswerer): Promise<{ address: string; asked: string[] }> {
  const socket = createSocket("udp4")
  const asked: string[] = []
  socket.on("message", (query, from) => {
    const { name, kind, question } = readQuestion(query)
    asked.push(`${kind} ${name}`)
    const reply = replyTo(query.subarray(0, 2), question, answer(name, kind))
    if (reply !== null) socket.send(reply, from.port, from.address)
  })
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve))
  onTestFinished(() => void socket.close())
  return { address: `127.0.0.1:${socket.address().port}`, asked }
}

function readQuestion(query: Buffer) {
  const labels: string[] = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length))
    at += length + 1
  }
  const kind = KINDS[query.readUInt16BE(at + 1) as keyof typeof KINDS]
  return { name: labels.join("."), kind, question: query.subarray(12, at + 5) }
}

/** The question is repeated, and each answer points back at its name. */
function replyTo(id: Buffer, question: Buffer, answer: NameAnswer): Buffer | null {
  if (answer === "silence") return null
  const addresses = typeof answer === "string" ? [] : answer
  const code = answer === "unknown" ? 3 : answer === "failure" ? 2 : 0
  const head = Buffer.from([0x81, 0x80 | code, 0, 1, 0, addresses.length, 0, 0, 0, 0])
  const records = addresses.flatMap((address) => [Buffer.from([0xc0, 0x0c]), recordOf(address)])
  return Buffer.concat([id, head, question, ...records])
}

function recordOf(address: string): Buffer {
  if (address === "root") return record(2, Buffer.from([1, 0x61, 0]))
  if (!address.includes(":")) return record(1, Buffer.from(address.split(".").map(Number)))
  const groups = address.split(":").map((group) => Number.parseInt(group, 16))
  return record(28, Buffer.from(groups.flatMap((group) => [group >> 8, group & 255])))
}

function record(type: number, data: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0, type, 0, 1, 0, 0, 0, 0, 0, data.length]), data])
}
