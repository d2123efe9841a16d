import { openSync, readFileSync, readSync, writeSync } from "node:fs"

/** What is written down: an emit begun, its acknowledgement, an attempt begun, a handler's effect. */
export type Verb = "emit" | "ack" | "refuse" | "begin" | "fail" | "done" | "note"

export interface Entry {
  readonly verb: Verb
  readonly event: string
  readonly subscriber: string // "" for emits
  readonly attempt: number
  readonly delivery: string
  readonly who: string
  readonly at: number
}

/**
 * The book of emits and effects. It outlives every process that writes in it: each line is one
 * appending write, so a SIGKILL loses no line that was written.
 *
 * It may tear one that crosses a page while it is written: that line does not count, and the next, which
 * begins anew, is not spoilt by it.
 */
export class Book {
  readonly #file: number
  readonly #who: string

  constructor(path: string, who: string) {
    this.#file = openSync(path, "a")
    this.#who = who
  }

  write(verb: Verb, event: string, subscriber = "", attempt = 0, delivery = ""): void {
    this.writeAll(verb, [event], subscriber, attempt, delivery)
  }

  writeAll(verb: Verb, events: readonly string[], subscriber = "", attempt = 0, delivery = ""): void {
    const at = Date.now()
    const line = (event: string) =>
      `\n${verb} ${event} ${subscriber} ${attempt} ${delivery} ${this.#who} ${at}.\n`
    writeSync(this.#file, events.map(line).join(""))
  }
}

/** Counts what is acknowledged, as the book grows. */
export class Acknowledged {
  readonly #file: number
  readonly #piece = Buffer.alloc(1 << 20)
  #rest = ""
  #count = 0

  constructor(path: string) {
    this.#file = openSync(path, "r")
  }

  count(): number {
    for (;;) {
      const read = readSync(this.#file, this.#piece)
      if (read === 0) return this.#count
      const lines = (this.#rest + this.#piece.toString("latin1", 0, read)).split("\n")
      this.#rest = lines.pop() as string
      for (const line of lines) if (line.startsWith("ack ") && isWhole(line)) this.#count++
    }
  }
}

export function readBook(path: string): Entry[] {
  const lines = readFileSync(path, "utf8").split("\n")
  return lines.filter(isWhole).map((line) => {
    const [verb, event, subscriber, attempt, delivery, who, at] = line.split(" ") as string[]
    return {
      verb: verb as Verb,
      event: event as string,
      subscriber: subscriber as string,
      attempt: Number(attempt),
      delivery: delivery as string,
      who: who as string,
      at: Number.parseInt(at as string, 10),
    }
  })
}

function isWhole(line: string): boolean {
  return line.endsWith(".")
}
