/** The body of a request, while nobody has read it; it is read once. */
export interface ReceivedBody {
  /** By its name in small letters; null = the request does not have it. */
  header(name: string): string | null
  /** All of it in one piece: for a body of which was said how long it is, and that is not much. */
  whole(length: number): Promise<Buffer>
  /** Piece by piece, as it comes. */
  chunks(): AsyncIterable<Uint8Array>
}

/**
 * A request as it came, whoever serves it: all that checks and routes ask of one.
 *
 * Node's own and a web `Request` are both made into this, so that there is one set of checks for both.
 */
export interface Received extends ReceivedBody {
  readonly method: string
  /** From its path on, normalised as in a URL: `/api/events?limit=1`. */
  readonly target: string
  readonly isSecure: boolean // it came by TLS as far as this server
  readonly peer: string // the address of who is at the other end of the connection; "" = unknown
  readonly connection: object | null // the same for all that comes by one connection; null = unknown
  headers(): Iterable<readonly [name: string, value: string]>
  /** Cuts the connection; false = that cannot be done from here. */
  hangUp(): boolean
}

/** The path of a request, without its query: that may hold secrets. */
export function pathOf({ target }: Pick<Received, "target">): string {
  const end = target.indexOf("?")
  return end === -1 ? target : target.slice(0, end)
}
