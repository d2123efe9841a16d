import type { Carillon } from "../../src/index.ts"
import { type Book, openBook } from "./books.ts"

/** How often the chat may be tried: five retries would be the default. */
const CHAT_RETRIES = 2

export interface Subscriber {
  readonly id: string
  readonly book: Book
  readonly attemptsAllowed: number
  /** Whether this attempt, from 1 up, at this webhook fails. The same answer every time, so that sums can be foretold. */
  fails(webhook: number, attempt: number): boolean
}

/** Three who hear every webhook. The chat's server is down now and then; that is nobody else's business. */
export function subscribers(): readonly Subscriber[] {
  const isWell = () => false
  return [
    { id: "archive", book: openBook(), attemptsAllowed: CHAT_RETRIES + 1, fails: isWell },
    { id: "search-index", book: openBook(), attemptsAllowed: CHAT_RETRIES + 1, fails: isWell },
    { id: "chat", book: openBook(), attemptsAllowed: CHAT_RETRIES + 1, fails: chatIsDown },
  ]
}

export function subscribe(carillon: Carillon, { id, book, attemptsAllowed, fails }: Subscriber): void {
  carillon.events.subscribe(
    "github.*",
    async (event, { attempt }) => {
      const webhook = numberOf(event.id)
      book.attempts += 1
      if (attempt > 1) book.retried += 1
      if (!fails(webhook, attempt)) {
        book.delivered.add(webhook)
        return
      }
      if (attempt === attemptsAllowed) book.dead.add(webhook)
      throw new Error(`The ${id} server answered 503.`)
    },
    {
      subscriberId: id,
      policy: { retries: attemptsAllowed - 1, initialBackoffDelay: 100, exponentialBackoffCoefficient: 1 },
    },
  )
}

/** GitHub gives every delivery an id of its own; ours are numbers, so that the books can be short. */
export function idOf(webhook: number): string {
  return `github-${webhook}`
}

function numberOf(id: string): number {
  return Number(id.slice("github-".length))
}

/** For a moment at every fortieth webhook, for good at every thousandth. */
function chatIsDown(webhook: number, attempt: number): boolean {
  return webhook % 1_000 === 999 || (webhook % 40 === 0 && attempt === 1)
}
