import { isIP } from "node:net"

/** Who called: each trusted proxy has added, at the end of `X-Forwarded-For`, whom it was called by. */
export function clientAddress(peer: string, forwarded: string | null | undefined, proxies: number): string {
  if (proxies === 0 || !forwarded) return peer
  const said = forwarded.split(",").map((each) => each.trim())
  const address = said[Math.max(0, said.length - proxies)] ?? ""
  return isIP(address) === 0 ? peer : address
}
