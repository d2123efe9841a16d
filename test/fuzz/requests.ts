import fc, { type Arbitrary } from "fast-check"
import type { ApiDocument, Operation, Parameter, Schema } from "./document.ts"
import { hostileHeaders, hostileJson, hostileTexts, spoiledBytes } from "./hostile.ts"
import type { Pool } from "./pool.ts"
import type { Sent } from "./socket.ts"
import { valuesOf } from "./values.ts"

export type Who = "admin" | "acme" | "viewer" | "stranger" | "nobody"

/** A request as it is drawn; `who` becomes its credential when it is sent. */
export interface Drawn extends Sent {
  readonly kind: "valid" | "nearly" | "hostile"
  readonly who: Who
}

export interface Drawing {
  readonly document: ApiDocument
  readonly pool: Pool
}

/** The parts of a request that its operation has schemas for. */
interface Parts {
  readonly parameters: Readonly<Record<string, unknown>>
  readonly media: string | null // null = no body
  readonly value: unknown
}

/** As the document says. */
export function validRequests(operation: Operation, drawing: Drawing): Arbitrary<Drawn> {
  return fc
    .record({ parts: partsOf(operation, drawing), who: someone, chunks: fc.boolean() })
    .map(({ parts, who, chunks }) => ({
      ...written(operation, parts),
      kind: "valid",
      who,
      framing: chunks ? "chunks" : "length",
    }))
}

const someone = fc.oneof(
  { weight: 7, arbitrary: fc.constant<Who>("admin") },
  { weight: 3, arbitrary: fc.constantFrom<Who>("acme", "viewer", "stranger", "nobody") },
)

function partsOf(operation: Operation, drawing: Drawing): Arbitrary<Parts> {
  const { parameters, body, path, isBodyRequired } = operation
  const context = { ...drawing, path }
  const fields = parameters.map(
    (each) => [keyOf(each), valuesOf(each.schema, { ...context, name: each.name })] as const,
  )
  const required = parameters.filter((each) => each.required).map(keyOf)
  const bodies = Object.entries(body).map(([media, { schema }]) =>
    valuesOf(schema, { ...context, name: "" }).map((value) => ({ media, value })),
  )
  const none = { media: null, value: undefined }
  const choices = isBodyRequired ? bodies : [...bodies, fc.constant(none)]
  const optional = parameters.filter((each) => !each.required).map(keyOf)
  return fc
    .tuple(
      fc.record(Object.fromEntries(fields)),
      fc.subarray(optional, { maxLength: Math.min(optional.length, 2) }),
      fc.oneof(...choices),
    )
    .map(([values, some, one]) => ({ parameters: only(values, [...required, ...some]), ...one }))
    .filter((each) => isSayable(operation, each))
}

function only(values: Readonly<Record<string, unknown>>, keys: readonly string[]): Parts["parameters"] {
  return Object.fromEntries(keys.map((key) => [key, values[key]]))
}

function keyOf({ in: where, name }: Parameter): string {
  return `${where} ${name}`
}

/** Every client takes dots for ways, and no header has what is not Latin. */
function isSayable({ parameters }: Operation, { parameters: values }: Parts): boolean {
  return parameters.every((each) => {
    const value = values[keyOf(each)]
    if (value === undefined) return true
    const text = String(value)
    if (each.in === "path") return text.isWellFormed() && text !== "." && text !== ".."
    return each.in === "query" ? text.isWellFormed() : /^[!-~]([ -~]*[!-~])?$/.test(text)
  })
}

function written({ method, path, parameters }: Operation, parts: Parts): Omit<Sent, "framing"> {
  const said = parameters
    .map((each) => [each, parts.parameters[keyOf(each)]] as const)
    .filter(([, value]) => value !== undefined)
  let target = path
  const query = new URLSearchParams()
  const headers: [string, string][] = []
  for (const [{ name, in: where }, value] of said) {
    if (where === "path") target = target.replace(`{${name}}`, encodeURIComponent(String(value)))
    else if (where === "query") query.append(name, String(value))
    else headers.push([name, String(value)])
  }
  if (parts.media !== null) headers.push(["Content-Type", parts.media])
  const body = parts.media === null ? null : Buffer.from(JSON.stringify(parts.value))
  return { method, target: query.size === 0 ? target : `${target}?${query}`, headers, body }
}

/** Good but for one thing, which its schema refuses; null = nothing of it can be wrong. */
export function nearlyValidRequests(operation: Operation, drawing: Drawing): Arbitrary<Drawn> | null {
  const { document } = drawing
  const good = partsOf(operation, drawing)
  const [media, content] = Object.entries(operation.body)[0] ?? []
  const kinds: Arbitrary<Omit<Sent, "framing">>[] = []
  if (operation.parameters.some(({ in: where }) => where === "query"))
    kinds.push(
      good.map((parts) => {
        const whole = written(operation, parts)
        return { ...whole, target: withQuery(whole.target, "unheardOf=1") }
      }),
    )
  for (const each of operation.parameters.filter(({ in: where }) => where === "query"))
    kinds.push(
      fc
        .tuple(
          good,
          hostileTexts.filter(
            (text) => text.isWellFormed() && !document.takes(each.schema, asQuery(each.schema, text)),
          ),
        )
        .map(([parts, text]) =>
          written(operation, { ...parts, parameters: { ...parts.parameters, [keyOf(each)]: text } }),
        ),
    )
  if (content !== undefined && media !== undefined)
    kinds.push(
      fc
        .tuple(
          good,
          valuesOf(content.schema, { ...drawing, path: operation.path, name: "" }),
          fc.nat(),
          hostileJson,
        )
        .map(([parts, value, at, instead]) => ({ parts, value: altered(value, at, instead) }))
        .filter(({ value }) => !document.takes(content.schema, asSent(value)))
        .map(({ parts, value }) => written(operation, { ...parts, media, value })),
    )
  if (kinds.length === 0) return null
  return fc.oneof(...kinds).map((each) => ({ ...each, kind: "nearly", who: "admin", framing: "length" }))
}

/** What a query says is text, also where a number is meant. */
function asQuery({ type }: Schema, text: string): unknown {
  return type === "integer" && /^-?\d+$/.test(text) ? Number(text) : text
}

function asSent(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value))
}

/** The same value with something else in one place of it, or one more key. */
function altered(value: unknown, at: number, instead: unknown): unknown {
  if (typeof value !== "object" || value === null) return instead
  const keys = Object.keys(value)
  const turn = at % (keys.length + 2)
  if (turn === keys.length) return instead
  if (turn > keys.length) return Array.isArray(value) ? [...value, instead] : { ...value, unheardOf: instead }
  const key = keys[turn] as string
  const inner = altered((value as Record<string, unknown>)[key], Math.floor(at / (keys.length + 2)), instead)
  if (Array.isArray(value)) return value.with(Number(key), inner)
  return { ...value, [key]: inner }
}

/** Whatever somebody may send who means no good. */
export function hostileRequests(operation: Operation, drawing: Drawing): Arbitrary<Drawn> {
  const { method, path, parameters } = operation
  const [media, content] = Object.entries(operation.body)[0] ?? ["application/json", undefined]
  const good = partsOf(operation, drawing).map((parts) => written(operation, parts))
  const values =
    content === undefined ? hostileJson : valuesOf(content.schema, { ...drawing, path, name: "" })
  const twists: Arbitrary<Omit<Sent, "framing">>[] = [
    fc
      .tuple(good, rawTexts(), rawTexts())
      .map(([each, name, value]) => ({ ...each, target: withQuery(each.target, `${name}=${value}`) })),
    fc
      .tuple(good, fc.array(hostileHeaders, { minLength: 1, maxLength: 3 }))
      .map(([each, more]) => ({ ...each, headers: [...each.headers, ...more] })),
    fc
      .tuple(good, values, fc.nat(), hostileJson)
      .map(([each, value, at, instead]) => withBody(each, media as string, altered(value, at, instead))),
    fc.tuple(good, fc.constantFrom(...spoiledBytes)).map(([each, spoil]) => ({
      ...withBody(each, media as string, {}),
      body: spoil(each.body ?? Buffer.from("{}")),
    })),
    fc
      .tuple(good, fc.constantFrom("HEAD", "OPTIONS", "TRACE", "PROPFIND", "PUT", "PATCH", "DELETE", "POST"))
      .map(([each, other]) => ({ ...each, method: other })),
  ]
  for (const each of parameters.filter(({ in: where }) => where === "query"))
    twists.push(
      fc
        .tuple(good, rawTexts())
        .map(([one, text]) => ({ ...one, target: withQuery(one.target, `${each.name}=${text}`) })),
      good.map((one) => ({ ...one, target: withQuery(one.target, `${each.name}=a&${each.name}=b`) })),
    )
  if (path.includes("{"))
    twists.push(
      fc
        .tuple(good, rawTexts())
        .map(([each, text]) => ({ ...each, method, target: path.replaceAll(/\{\w+\}/g, text) })),
    )
  return fc
    .record({
      sent: fc.oneof(...twists),
      who: someone,
      framing: fc.constantFrom<Sent["framing"]>("length", "length", "length", "chunks", "cut"),
    })
    .map(({ sent, who, framing }) => ({
      ...sent,
      who,
      framing: sent.body === null ? "length" : framing, // without a body there is nothing to cut
      kind: "hostile",
    }))
}

/** As they may stand in a request line: in percents, which need not be of UTF-8, nor of anything. */
function rawTexts(): Arbitrary<string> {
  return fc.oneof(
    hostileTexts.map((text) => encodeURIComponent(text.toWellFormed())),
    fc.constantFrom(
      "%ff",
      "%c0%80",
      "%ed%a0%80",
      "%",
      "%zz",
      "%2f%2e%2e",
      "..",
      ".%2e",
      "a//b",
      "a;b=c",
      "%252e",
      "__proto__",
      "limit[]",
      "\xff\xe9",
      'a|b^c`{}"<>',
    ),
  )
}

function withQuery(target: string, more: string): string {
  return `${target}${target.includes("?") ? "&" : "?"}${more}`
}

function withBody(sent: Omit<Sent, "framing">, media: string, value: unknown): Omit<Sent, "framing"> {
  const others = sent.headers.filter(([name]) => name !== "Content-Type")
  return {
    ...sent,
    headers: [...others, ["Content-Type", media]],
    body: Buffer.from(JSON.stringify(value) ?? ""),
  }
}
