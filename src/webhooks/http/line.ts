import { createSocket } from "node:dgram"

/** What the system says when it has no way out, or a router when it has none further on. */
const NO_WAY: ReadonlySet<string> = new Set(["ENETUNREACH", "ENETDOWN"])

/** What only this machine can run out of: files, memory, ports. */
const OUT_OF: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"])

/**
 * Whether a connection failed because of this machine or its line, so that no recipient would have been reached. An
 * address of IPv6 says nothing: many machines have no way to any of them.
 */
export async function isOurFault(error: unknown, hasWay = hasWayTo): Promise<boolean> {
  const attempts = attemptsIn(error)
  if (attempts.some(({ code }) => OUT_OF.has(code))) return true
  const toV4 = attempts.find(({ address }) => address !== "" && !address.includes(":"))
  if (toV4?.code === "EADDRNOTAVAIL") return true
  // A router on the recipient's side may say the same, so this machine's own table of routes is asked.
  return toV4 !== undefined && NO_WAY.has(toV4.code) && !(await hasWay(toV4.address))
}

interface FailedAttempt {
  readonly code: string
  readonly address: string
}

function attemptsIn(error: unknown): readonly FailedAttempt[] {
  const { code, address, errors } = error as Record<string, unknown>
  if (Array.isArray(errors) && errors.length > 0) return errors.flatMap(attemptsIn)
  return [{ code: String(code ?? ""), address: String(address ?? "") }]
}

/** A connected UDP socket has looked up its route, and nothing was sent. */
function hasWayTo(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4")
    const end = (has: boolean) => {
      socket.close()
      resolve(has)
    }
    socket.once("error", () => end(false))
    socket.connect(9, address, () => end(true))
  })
}
