import { expected, InvalidInputError } from "./errors.ts"
import type { CarillonEvent } from "./event.ts"

/** Looks up what an event is about, from the arguments that it was published with. */
export type ResolveFunction<Args = unknown> = {
  // A method, so that definitions of all arguments fit one list.
  call(args: Args, context: ResolveContext): unknown
}["call"]

/** A service of the container that looks it up. */
export interface ServiceCall {
  /** Its name in the container. */
  readonly service: string
  readonly method: string
  /**
   * The method's parameters, in their order; `status?` may be missing. An argument in the other of the spellings `orderId`
   * and `order_id` will do, and null counts as missing.
   *
   * @defaultValue the method gets all arguments as one object
   */
  readonly params?: readonly string[]
}

export type Resolver<Args = unknown> = ResolveFunction<Args> | ServiceCall

/** When a resolver runs: for each delivery, or once, while it is published. */
export const RESOLVE_TIMES = ["delivery", "publish"] as const
export type ResolveAt = (typeof RESOLVE_TIMES)[number]

/** What a resolver gets beside the arguments. */
export interface ResolveContext {
  /** The application's container. */
  readonly container: { resolve<T>(name: string): T }
  /** Aborted when nobody waits for it any more. */
  readonly signal: AbortSignal
  /** null = it is being published, and there is none yet. */
  readonly event: CarillonEvent | null
  /** Of the shop that it was published for; null = none was named. */
  readonly storeId: number | null
  /** The transaction that it is published in; undefined = there is none. */
  readonly tx: unknown
}

export type Arguments = Readonly<Record<string, unknown>>

/** @throws InvalidInputError when it is neither a function nor a service's method */
export function checkResolver(resolver: unknown): void {
  if (typeof resolver === "function") return
  const { service, method, params = [] } = (resolver ?? {}) as Partial<ServiceCall>
  if (!isName(service) || !isName(method))
    throw new InvalidInputError(
      expected(
        "`resolve` to be a function, or `{ service, method, params? }` with the names of both",
        resolver,
      ),
    )
  if (!Array.isArray(params) || !params.every((each) => isName(each) && each !== "?"))
    throw new InvalidInputError(expected("`resolve.params` to be an array of parameters' names", params))
  const other = Object.keys(resolver as ServiceCall).find((each) => !CALL.includes(each))
  if (other !== undefined)
    throw new InvalidInputError(`Expected \`resolve\` to have ${CALL.join(", ")}, got \`${other}\`.`)
}

const CALL: readonly string[] = ["service", "method", "params"] satisfies (keyof ServiceCall)[]

function isName(value: unknown): value is string {
  return typeof value === "string" && value.trim() !== ""
}

/**
 * What a service's method is called with.
 *
 * @throws InvalidInputError that names the arguments which are missing
 */
export function callArguments({ params }: ServiceCall, args: Arguments): readonly unknown[] {
  if (params === undefined) return [args]
  const missing = params.filter((param) => !param.endsWith("?") && argumentOf(args, param) === undefined)
  if (missing.length > 0)
    throw new InvalidInputError(
      `Expected the ${missing.length === 1 ? "argument" : "arguments"} \`${missing.join("`, `")}\`, got ${namesOf(args)}.`,
    )
  return params.map((param) => argumentOf(args, param.replace(/\?$/, "")))
}

function argumentOf(args: Arguments, param: string): unknown {
  const spellings = [param, snakeCase(param), camelCase(param)]
  const name = spellings.find((each) => Object.hasOwn(args, each) && args[each] !== null)
  return name === undefined ? undefined : args[name]
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

function namesOf(args: Arguments): string {
  const names = Object.entries(args).slice(0, MOST_NAMES)
  if (names.length === 0) return "none"
  return names.map(([name, value]) => `\`${name}\`${value === null ? " (null)" : ""}`).join(", ")
}

const MOST_NAMES = 10

/**
 * @throws InvalidInputError unless the arguments are named ones
 */
export function checkArguments(name: string, args: unknown): asserts args is Arguments {
  if (typeof args === "object" && args !== null && !Array.isArray(args)) return
  throw new InvalidInputError(
    expected(`the arguments of \`${name}\` to be an object, each by its name`, args),
  )
}
