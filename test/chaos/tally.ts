import { type Entry, readBook } from "./book.ts"
import { deadLetters, type Open, open } from "./observer.ts"
import type { EventData } from "./plans.ts"
import type { Troupe } from "./troupe.ts"

/** The book of a run in figures. */
export interface Tally {
  readonly emitted: number
  readonly acknowledged: number
  readonly handled: number // effects, repeated ones included
  readonly lost: number // acknowledged, wanted by a subscriber, and neither handled nor a dead letter
  readonly dead: number
  readonly duplicates: number
  readonly cap: number // duplicates that so many crashes may make
  readonly stray: number // handled without ever having been emitted
  readonly kills: number
  readonly open: Open
  readonly seconds: number
}

/** Counts a run whose every subscriber wants every event. */
export function tally(troupe: Troupe, subscribers: readonly string[]): Promise<Tally> {
  return tallyOf(readBook(troupe.book), troupe, () => subscribers)
}

export async function tallyOf(
  book: readonly Entry[],
  troupe: Troupe,
  wantedBy: (event: string) => readonly string[],
): Promise<Tally> {
  const store = await troupe.store()
  const emitted = new Set(book.filter((each) => each.verb === "emit").map((each) => each.event))
  const acknowledged = new Set(book.filter((each) => each.verb === "ack").map((each) => each.event))
  const effects = new Map<string, number>()
  let handled = 0
  for (const { verb, event, subscriber } of book) {
    if (verb !== "done") continue
    handled++
    effects.set(`${event} ${subscriber}`, (effects.get(`${event} ${subscriber}`) ?? 0) + 1)
  }
  const letters = await deadLetters(store)
  const dead = new Set(
    letters.map(({ data, subscriber }) => `${(JSON.parse(data) as EventData).n} ${subscriber}`),
  )
  const wanted = [...acknowledged].flatMap((event) =>
    wantedBy(event).map((subscriber) => `${event} ${subscriber}`),
  )
  const lost = wanted.filter((each) => !effects.has(each) && !dead.has(each)).length
  return {
    emitted: emitted.size,
    acknowledged: acknowledged.size,
    handled,
    lost,
    dead: letters.length,
    duplicates: handled - effects.size,
    cap: troupe.kills * troupe.mostRepeated,
    stray: [...effects.keys()].filter((each) => !emitted.has(each.split(" ")[0] as string)).length,
    kills: troupe.kills,
    open: await open(store),
    seconds: Math.round(troupe.seconds * 10) / 10,
  }
}

export function inOneLine(program: string, book: Tally): string {
  const { batches, parts, jobs } = book.open
  return (
    `${program}: emitted ${book.emitted}, acknowledged ${book.acknowledged}, handled ${book.handled}, ` +
    `lost ${book.lost}, dead ${book.dead}, duplicates ${book.duplicates} (cap ${book.cap}), ` +
    `open ${batches + parts + jobs}, kills ${book.kills}, ${book.seconds} s`
  )
}
