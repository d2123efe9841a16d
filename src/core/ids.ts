/**
 * Ids carry their kind, sort by time and can be taken apart again.
 *
 * An event is known by the commit that wrote it and its index there, so an id made by us needs no
 * index of its own; a delivery id is derived from event, subscription and replay, so that making a
 * delivery twice makes nothing twice.
 */

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
const INDEX_LENGTH = 3

/** The most events one commit can hold: what three base-32 digits can count. */
export const MAX_EVENTS_PER_COMMIT = 32 ** INDEX_LENGTH

/** Where an event is stored: the commit that wrote it, and its index there. */
export interface EventKey {
  readonly commitId: string
  readonly index: number
}

/** Makes commit ids: 48 bits of time, 80 bits of chance; ascending within a process. */
export function commitIds(now: () => number, random: () => number): () => string {
  let lastTime = -1
  let lastTail = ""
  return () => {
    const time = now()
    if (time > lastTime) {
      lastTime = time
      lastTail = ""
      for (let i = 0; i < 16; i++) lastTail += ALPHABET[Math.floor(random() * 32)]
    } else {
      lastTail = successor(lastTail)
    }
    return encode(lastTime, 10) + lastTail
  }
}

/** The wall-clock time, in milliseconds, at which a commit id was made. */
export function commitTime(commitId: string): number {
  return decode(commitId.slice(0, 10))
}

/** The smallest commit id that can have been made at or after this time. */
export function commitIdFrom(time: number): string {
  return encode(Math.max(0, Math.floor(time)), 10) + "0".repeat(16)
}

export function eventId(commitId: string, index: number): string {
  return `evt_${commitId}${encode(index, INDEX_LENGTH)}`
}

/** The key inside an event id that we made; null for an id of the caller's. */
export function parseEventId(id: string): EventKey | null {
  const match = /^evt_([0-9A-HJKMNP-TV-Z]{26})([0-9A-HJKMNP-TV-Z]{3})$/.exec(id)
  return match ? { commitId: match[1] as string, index: decode(match[2] as string) } : null
}

export function deliveryId(commitId: string, index: number, subscription: number, replay: number): string {
  const base = `dlv_${commitId}${encode(index, INDEX_LENGTH)}_${subscription}`
  return replay === 0 ? base : `${base}_r${replay}`
}

/** What every delivery id of one event begins with. */
export function deliveryPrefix(commitId: string, index: number): string {
  return `dlv_${commitId}${encode(index, INDEX_LENGTH)}_`
}

export interface DeliveryKey extends EventKey {
  readonly subscription: number
  readonly replay: number
}

export function parseDeliveryId(id: string): DeliveryKey | null {
  const match = /^dlv_([0-9A-HJKMNP-TV-Z]{26})([0-9A-HJKMNP-TV-Z]{3})_(\d+)(?:_r(\d+))?$/.exec(id)
  if (!match) return null
  return {
    commitId: match[1] as string,
    index: decode(match[2] as string),
    subscription: Number(match[3]),
    replay: Number(match[4] ?? 0),
  }
}

function encode(value: number, length: number): string {
  let text = ""
  let rest = value
  for (let i = 0; i < length; i++) {
    text = ALPHABET[rest % 32] + text
    rest = Math.floor(rest / 32)
  }
  return text
}

function decode(text: string): number {
  let value = 0
  for (const digit of text) value = value * 32 + ALPHABET.indexOf(digit)
  return value
}

function successor(tail: string): string {
  for (let i = tail.length - 1; i >= 0; i--) {
    const digit = ALPHABET.indexOf(tail[i] as string)
    if (digit < 31) return tail.slice(0, i) + ALPHABET[digit + 1] + "0".repeat(tail.length - i - 1)
  }
  return "0".repeat(tail.length)
}
