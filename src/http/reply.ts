/** An answer before it is one of Node's or of the web's. */
export class Reply {
  readonly status: number
  /** By names in small letters. They are this answer's own: whoever hands it on adds to them. */
  readonly headers: Record<string, string>
  readonly body: ReplyBody

  constructor(body: ReplyBody, { status = 200, headers }: ReplyHead) {
    this.status = status
    this.headers = headers
    this.body = body
  }
}

export type ReplyBody = string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null

export interface ReplyHead {
  readonly status?: number
  readonly headers: Record<string, string>
}

/** Caches have to know of every header that an answer hangs on. */
export function addVary({ headers }: Reply, name: string): void {
  headers.vary = headers.vary === undefined ? name : `${headers.vary}, ${name}`
}
