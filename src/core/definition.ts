import type { StandardSchemaV1 } from "@standard-schema/spec"
import { expected, InvalidInputError } from "./errors.ts"
import type { EventInput } from "./event.ts"
import { checkEventName } from "./pattern.ts"
import { checkResolver, RESOLVE_TIMES, type ResolveAt, type Resolver } from "./resolver.ts"

/**
 * An event's name with the shape of its data, and with how that is looked up: what is emitted under that name is
 * checked before it is written, what is published is resolved.
 */
export interface EventDefinition<Input = unknown, Output = Input, Args = Input> {
  readonly name: string
  /** What the data that receivers get must fit; null = any will do. */
  readonly schema: StandardSchemaV1<Input, Output> | null
  readonly description: string | null
  /** null = what is published are the data. */
  readonly resolve: Resolver<Args> | null
  readonly resolveAt: ResolveAt
  /** What somebody needs beside to make webhook subscriptions to it. */
  readonly resources: readonly string[]
  /** An event of this definition, typed, to be emitted. */
  create(data: Input, rest?: Omit<EventInput, "name" | "data">): EventInput<Input> & { readonly name: string }
}

/** All that may be said of an event beside its name. */
export interface EventParts<S extends StandardSchemaV1 = StandardSchemaV1, Args = Record<string, unknown>> {
  /**
   * The shape of the data that receivers get: of what is emitted, and of what `resolve` returns. By any library that
   * speaks Standard Schema.
   */
  readonly schema?: S
  /**
   * Looks up the data from the arguments that the event is published with: a function, or a method of a service in the
   * container. What it throws is a failure of the delivery, with its reason, and retried like every other.
   *
   * @defaultValue none: what is published are the data
   */
  readonly resolve?: Resolver<Args>
  /**
   * `delivery`: each attempt of a webhook tells how things stand then. `publish`: all get how things stood when it was
   * published; `publish` waits for it and rejects where it throws.
   *
   * @defaultValue "delivery"
   */
  readonly resolveAt?: ResolveAt
  /** What somebody needs beside to make webhook subscriptions to it, such as `Magento_Sales::actions_view`. @defaultValue none */
  readonly resources?: readonly string[]
  /** For people. */
  readonly description?: string
}

type Defined<S extends StandardSchemaV1, Args = StandardSchemaV1.InferInput<S>> = EventDefinition<
  StandardSchemaV1.InferInput<S>,
  StandardSchemaV1.InferOutput<S>,
  Args
>

/**
 * Names an event and the shape of its data, by any schema library that speaks Standard Schema; or how its data is
 * looked up.
 *
 * Data that does not fit is refused by `emit` with a `SchemaError` before anything is written.
 * What the schema returns (defaults, conversions) is what is stored.
 *
 * @example
 * ```ts
 * const orderCreated = defineEvent("sales.order.created", {
 *   resolve: ({ id }: { id: string }, { container }) => container.resolve<Orders>("orders").get(id),
 * })
 *
 * await carillon.publish(orderCreated, { id: "1001" })
 * ```
 *
 * @throws InvalidInputError
 */
export function defineEvent<S extends StandardSchemaV1>(
  name: string,
  schema: S,
  rest?: Pick<EventParts, "description">,
): Defined<S>
export function defineEvent<S extends StandardSchemaV1, Args = Record<string, unknown>>(
  name: string,
  parts: EventParts<S, Args>,
): Defined<S, Args>
export function defineEvent(
  name: string,
  given: StandardSchemaV1 | EventParts<StandardSchemaV1, unknown>,
  { description }: Pick<EventParts, "description"> = {},
): EventDefinition {
  checkEventName(name)
  const parts: EventParts<StandardSchemaV1, unknown> = isSchema(given)
    ? { schema: given, description }
    : given
  checkParts(name, parts)
  return Object.freeze({
    name,
    schema: parts.schema ?? null,
    description: parts.description ?? null,
    resolve: parts.resolve ?? null,
    resolveAt: parts.resolveAt ?? "delivery",
    resources: Object.freeze([...(parts.resources ?? [])]),
    create: (data: unknown, rest?: Omit<EventInput, "name" | "data">) => ({ ...rest, name, data }),
  })
}

/** Of some libraries a schema is a function. */
function isSchema(given: unknown): given is StandardSchemaV1 {
  const isObject = (typeof given === "object" && given !== null) || typeof given === "function"
  return isObject && "~standard" in given
}

function checkParts(name: string, parts: unknown): void {
  if (typeof parts !== "object" || parts === null || Array.isArray(parts))
    throw new InvalidInputError(expected(`the definition of \`${name}\` to be a schema or an object`, parts))
  const unknown = Object.keys(parts).find((part) => !PARTS.includes(part))
  if (unknown !== undefined)
    throw new InvalidInputError(
      `Expected the definition of \`${name}\` to have ${PARTS.join(", ")}, got \`${unknown}\`.`,
    )
  const { schema, resolve, resolveAt, resources } = parts as EventParts
  if (schema !== undefined && !isSchema(schema))
    throw new InvalidInputError(expected(`the \`schema\` of \`${name}\` to speak Standard Schema`, schema))
  if (resolve !== undefined) checkResolver(resolve)
  if (resolveAt !== undefined && !RESOLVE_TIMES.includes(resolveAt))
    throw new InvalidInputError(expected("`resolveAt` to be `delivery` or `publish`", resolveAt))
  const isText = (each: unknown): boolean => typeof each === "string" && each !== ""
  if (resources !== undefined && !(Array.isArray(resources) && resources.every(isText)))
    throw new InvalidInputError(expected("`resources` to be an array of names", resources))
}

const PARTS: readonly string[] = ["schema", "resolve", "resolveAt", "resources", "description"]
