import { once } from "node:events"
import { connect } from "node:net"

/** Where the peers that need Redis find it. */
export const redisUrl = new URL(process.env.REDIS_URL ?? "redis://127.0.0.1:6379")

/** A database of the bench's own, so that a scan for leftovers never meets an application's keys. */
export const REDIS_DATABASE = 15

export const redisConnection = {
  host: redisUrl.hostname,
  port: Number(redisUrl.port || 6379),
  db: REDIS_DATABASE,
  // Both libraries want this for their blocking connections.
  maxRetriesPerRequest: null,
}

/** Version and persistence of the Redis at hand; throws where none answers. */
export async function describeRedis(): Promise<Record<string, string>> {
  const info = await ask("INFO")
  const field = (name: string) => info.match(new RegExp(`^${name}:(.*)\\r$`, "m"))?.[1] ?? "?"
  const save = (await ask("CONFIG GET save")).split("\r\n").at(-2) ?? ""

  return {
    version: field("redis_version"),
    appendonly: field("aof_enabled") === "1" ? "yes" : "no",
    save: save === "" ? "never" : save,
  }
}

/** Sends one inline command, without a client library: the check comes before the peers are installed. */
async function ask(command: string): Promise<string> {
  const socket = connect({ host: redisConnection.host, port: redisConnection.port })
  socket.setTimeout(1_000, () => socket.destroy(new Error("no answer within a second")))
  socket.setEncoding("utf8")
  let answer = ""
  socket.on("data", (text: string) => {
    answer += text
  })

  await once(socket, "connect")
  socket.end(`${command}\r\nQUIT\r\n`)
  await once(socket, "close")
  return answer.replace(/\+OK\r\n$/, "")
}
