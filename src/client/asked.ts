import type { AnswerOf, BodyInputOf, BodyOf, ParamsOf, QueryInputOf, QueryOf } from "../contract/route.ts"
import type { Contract, RouteId } from "./calls.ts"

/** What a route answers with. */
export type Answer<K extends RouteId> = AnswerOf<Contract[K]>

/** What stands in a route's path. */
export type Params<K extends RouteId> = ParamsOf<Contract[K]>

/** What a route's query takes: in the form in which it is written, or as the values that it means. */
export type Query<K extends RouteId> = QueryIn<QueryOf<Contract[K]>, QueryInputOf<Contract[K]>>

/** What a route's body takes. */
export type Body<K extends RouteId> = ReadonlyDeep<BodyInputOf<Contract[K]> | BodyOf<Contract[K]>>

/** What a list is made of. */
export type Item<K extends RouteId> = Answer<K> extends { items: readonly (infer T)[] } ? T : never

/** What can be said of each call, beside what it asks for. */
export interface CallOptions {
  /** Ends the call, also between two tries; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal
  /** How long one try may take. @defaultValue the client's */
  readonly timeoutMs?: number
  /** How often it may be tried again, where that is safe. @defaultValue the client's */
  readonly retries?: number
}

type QueryIn<Output, Input> = Output extends object
  ? { readonly [K in keyof Output]: Output[K] | Known<K extends keyof Input ? Input[K] : never> }
  : undefined

/** Coerced fields take anything, which is no help to anybody. */
type Known<T> = unknown extends T ? never : T

type ReadonlyDeep<T> = T extends readonly (infer U)[]
  ? readonly ReadonlyDeep<U>[]
  : T extends Date
    ? T
    : T extends object
      ? { readonly [K in keyof T]: ReadonlyDeep<T[K]> }
      : T
