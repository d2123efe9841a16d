import type { z } from "@hono/zod-openapi"
import type { Permission } from "../identity/permissions.ts"

export type RouteMethod = "get" | "post" | "put" | "patch" | "delete"

/**
 * What a route is about: things that lie in scopes, of which the caller sees those of their own; or the
 * installation as a whole, which needs a credential for all scopes; or it is open to everybody.
 */
export type Reach = "scope" | "installation" | "open"

type Shape = z.ZodObject
type Body = z.ZodType

/** A route of the API: what it is asked with and what it answers. Server, client and document are made from it. */
export interface RouteContract<
  Params extends Shape | undefined = Shape | undefined,
  Query extends Shape | undefined = Shape | undefined,
  Asked extends Body | undefined = Body | undefined,
  Answered extends Body | null = Body | null,
> {
  readonly id: string // what the document calls it: `listEvents`
  readonly method: RouteMethod
  readonly path: string // below the API's root, with `{parameters}`
  readonly tag: string
  readonly summary: string
  readonly description?: string
  readonly reach: Reach
  readonly permission: Permission | null // null = whoever is known; with `reach: "open"` also who is not
  /** What the audit log calls it; absent = it changes nothing that somebody would ask about. */
  readonly audit?: string
  /**
   * A write that a client may send again when it does not know whether the first one arrived: twice comes to
   * the same as once, also in what is answered. What only looks may always be asked again.
   */
  readonly repeatable?: true
  readonly params?: Params
  readonly query?: Query
  readonly headers?: z.ZodObject // for the document: they are read by the route itself
  readonly body?: Asked
  /** Other forms of the body, by media type, that the route reads itself. */
  readonly otherBodies?: Readonly<Record<string, z.ZodType>>
  /** A body that may be left out. @defaultValue false */
  readonly optionalBody?: boolean
  readonly status?: 200 | 201 | 202 | 204
  /** @defaultValue `application/json` */
  readonly responseType?: string
  /** Other statuses that the same answer may have, and what each says. */
  readonly otherStatuses?: Readonly<Record<number, string>>
  /** null = no body. */
  readonly response: Answered
  /** Answers in other forms, by media type. */
  readonly otherResponses?: Readonly<Record<string, z.ZodType>>
  readonly responseHeaders?: Readonly<Record<string, string>> // name → what it says
  /** Refusals beyond those that every route may have. */
  readonly refusals?: Readonly<Record<number, string>>
}

/** Keeps the types of a route's parts. */
export function route<
  Params extends Shape | undefined = undefined,
  Query extends Shape | undefined = undefined,
  Asked extends Body | undefined = undefined,
  Answered extends Body | null = null,
>(contract: RouteContract<Params, Query, Asked, Answered>): RouteContract<Params, Query, Asked, Answered> {
  return Object.freeze(contract)
}

/** What the server gets, checked. */
export type ParamsOf<R extends RouteContract> = Output<Present<R["params"]>>
export type QueryOf<R extends RouteContract> = Output<Present<R["query"]>>
export type BodyOf<R extends RouteContract> = Output<Present<R["body"]>>

/** What a client may send. */
export type QueryInputOf<R extends RouteContract> = Input<Present<R["query"]>>
export type BodyInputOf<R extends RouteContract> = Input<Present<R["body"]>>

/** What a client gets. */
export type AnswerOf<R extends RouteContract> = Output<Present<R["response"]>>

/** What a handler may give for it: JSON makes text of dates. Nothing where there is no body. */
export type GivenOf<R extends RouteContract> = [Present<R["response"]>] extends [never]
  ? // biome-ignore lint/suspicious/noConfusingVoidType: it is what the handler's promise is of
    void
  : Given<AnswerOf<R>>

type Present<T> = Exclude<T, null | undefined>
type Output<T> = [T] extends [never] ? undefined : T extends z.ZodType ? z.output<T> : never
type Input<T> = [T] extends [never] ? undefined : T extends z.ZodType ? z.input<T> : never

type Given<T> = T extends string
  ? T | Date
  : T extends readonly (infer U)[]
    ? readonly Given<U>[]
    : T extends object
      ? { readonly [K in keyof T]: Given<T[K]> }
      : T
