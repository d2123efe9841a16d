import { wrongType } from "./refusals.ts"

// Shops are not strict about types: a number may come as a text, and truth as both.

/** @throws ShopRefusal unless it is a whole number from 0 up */
export function wholeOf(value: unknown): number {
  const isText = typeof value === "string" && /^\d{1,10}$/.test(value)
  const number = isText ? Number(value) : value
  if (Number.isSafeInteger(number) && (number as number) >= 0) return number as number
  throw wrongType(value, "int")
}

/** @throws ShopRefusal unless it is true or false, in one of their spellings */
export function truthOf(value: unknown): boolean {
  if (value === true || value === 1 || value === "1" || value === "true") return true
  if (value === false || value === 0 || value === "0" || value === "false") return false
  throw wrongType(value, "boolean")
}

/** @throws ShopRefusal unless it is text, or a whole number, or nothing */
export function textOf(value: unknown): string | undefined {
  if (value === undefined || typeof value === "string") return value
  if (Number.isSafeInteger(value)) return String(value)
  throw wrongType(value, "string")
}

/** `2024-03-20 00:57:16`, as shops show times, in UTC. */
export function shopTime(at: Date): string {
  return at.toISOString().slice(0, 19).replace("T", " ")
}

/** `2024-03-20T00:57:16+00:00`, as they say it to whoever has just made something. */
export function atomTime(at: Date): string {
  return `${at.toISOString().slice(0, 19)}+00:00`
}
