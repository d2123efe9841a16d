import { type Scope, scopeKey } from "./scope.ts"

/** CloudEvents 1.0, https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md */
export interface CloudEvent {
  readonly specversion: "1.0"
  readonly id: string
  readonly source: string
  readonly type: string
  readonly datacontenttype?: string | null | undefined
  readonly data?: unknown
  readonly data_base64?: string | null | undefined
  readonly [attribute: string]: unknown
}

/** What of an event others are told. */
export interface ToldEvent {
  readonly id: string
  readonly name: string
  readonly data: unknown
  readonly metadata: Readonly<Record<string, unknown>>
  readonly sender: string | null
  readonly scope: Scope
  readonly key: string | null
  readonly at: Date
  readonly causationId: string | null
  readonly correlationId: string | null
  readonly traceparent: string | null
}

/** An event as others understand it. What came as a CloudEvent goes as it came. */
export function cloudEventOf(event: ToldEvent): CloudEvent {
  const { name, sender, scope, key, at, traceparent, correlationId, causationId } = event
  const { id, data_base64, time, datacontenttype, ...others } = keptOf(event)
  const place = scopeKey(scope)
  return {
    ...others,
    specversion: "1.0",
    id: typeof id === "string" && id !== "" ? id : event.id,
    source: sender === null ? `urn:carillon:${scope.account}:${scope.workspace}` : reference(sender, id),
    type: name,
    time: typeof time === "string" ? time : at.toISOString(),
    ...present({ subject: key, traceparent, correlationid: correlationId, causationid: causationId }),
    ...present({ carillonscope: place === "" ? null : place }),
    ...dataOf(event, datacontenttype, data_base64 === true),
  }
}

/** A CloudEvent with its attributes in headers, and its data as it is. */
export interface BinaryCloudEvent {
  readonly headers: Readonly<Record<string, string>>
  readonly contentType: string
  readonly body: string | Uint8Array<ArrayBuffer> | null // null = it has no data
}

/** https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md#31-binary-content-mode */
export function binaryForm(event: CloudEvent): BinaryCloudEvent {
  const { data, data_base64, datacontenttype, ...attributes } = event
  const headers = Object.entries(attributes).map(([name, value]) => [`ce-${name}`, encoded(String(value))])
  const type = datacontenttype ?? "application/json"
  return { headers: Object.fromEntries(headers), contentType: encoded(type), body: bodyOf(event, type) }
}

function bodyOf({ data, data_base64 }: CloudEvent, type: string): BinaryCloudEvent["body"] {
  if (typeof data_base64 === "string") return Uint8Array.from(Buffer.from(data_base64, "base64"))
  if (data === undefined) return null
  return isJson(type) || typeof data !== "string" ? JSON.stringify(data) : data
}

function isJson(contentType: string): boolean {
  return /^\s*application\/([^;]+\+)?json\s*(;|$)/i.test(contentType)
}

/** https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md#3132-http-header-values */
function encoded(value: string): string {
  return value.toWellFormed().replace(/[^\x21-\x7e]|["%]/gu, encodeURIComponent)
}

function dataOf({ data }: ToldEvent, contentType: unknown, isBase64: boolean): Partial<CloudEvent> {
  const datacontenttype = typeof contentType === "string" ? contentType : undefined
  if (data === undefined) return present({ datacontenttype })
  if (isBase64 && typeof data === "string") return { ...present({ datacontenttype }), data_base64: data }
  return { datacontenttype: datacontenttype ?? "application/json", data }
}

export type Attribute = string | number | boolean

export function isAttribute(value: unknown): value is Attribute {
  return typeof value === "string" || typeof value === "boolean" || Number.isSafeInteger(value)
}

/** What an event cannot say by its own fields, kept under `metadata.cloudevents`. */
type Kept = Readonly<Record<string, unknown>>

/** Metadata is the emitter's: what stands there under our name need not be from us. */
function keptOf({ metadata }: ToldEvent): Kept {
  const kept = metadata.cloudevents
  if (typeof kept !== "object" || kept === null) return {}
  const fits = ([name, value]: [string, unknown]): boolean =>
    name === "data_base64" || (/^[a-z0-9]{1,64}$/.test(name) && isAttribute(value))
  return Object.fromEntries(Object.entries(kept).filter(fits))
}

/** A source is a URI reference; a sender may be any text. One that came as a source goes as it came. */
function reference(sender: string, id: unknown): string {
  return typeof id === "string" ? sender : encodeURI(sender.toWellFormed())
}

/** The fields that are set. */
export function present<T extends Readonly<Record<string, unknown>>>(
  fields: T,
): { [K in keyof T]?: NonNullable<T[K]> } {
  const set = Object.entries(fields).filter(([, value]) => value !== null && value !== undefined)
  return Object.fromEntries(set) as { [K in keyof T]?: NonNullable<T[K]> }
}
