import type { EventDefinition } from "../core/definition.ts"
import { CarillonError, ConfigError, isPermanent, ResolveError, retryAfterOf } from "../core/errors.ts"
import {
  type Arguments,
  callArguments,
  type ResolveContext,
  type Resolver,
  type ServiceCall,
} from "../core/resolver.ts"

/** A definition that has something to look its data up with. */
export type Resolvable = EventDefinition & { readonly resolve: Resolver }

export function isResolvable(definition: EventDefinition): definition is Resolvable {
  return (definition.resolve ?? null) !== null
}

/**
 * What its resolver returns. What that throws comes out with its reason; errors that say themselves whether and when
 * to try again come out as they are.
 */
export async function resolved(
  definition: Resolvable,
  args: Arguments,
  context: ResolveContext,
): Promise<unknown> {
  const { name, resolve } = definition
  try {
    if (typeof resolve === "function") return await resolve(args, context)
    return await call(name, resolve, args, context)
  } catch (error) {
    if (error instanceof CarillonError || isPermanent(error) || retryAfterOf(error) !== null) throw error
    const why = error instanceof Error ? error.message : String(error)
    throw new ResolveError(`The resolver of \`${name}\` failed: ${why}`, { cause: error })
  }
}

function call(name: string, wish: ServiceCall, args: Arguments, { container }: ResolveContext): unknown {
  const service = serviceOf(name, wish, container)
  const method = service[wish.method]
  if (typeof method === "function") return method.apply(service, callArguments(wish, args))
  throw new ResolveError(
    `Expected the service \`${wish.service}\`, which resolves \`${name}\`, to have the method \`${wish.method}\`, got none of that name.`,
  )
}

function serviceOf(
  name: string,
  { service }: ServiceCall,
  container: ResolveContext["container"],
): Record<string, unknown> {
  try {
    return Object(container.resolve(service)) as Record<string, unknown>
  } catch (cause) {
    throw new ResolveError(
      `Expected the container to have the service \`${service}\`, which resolves \`${name}\`, got: ${(cause as Error).message.split("\n")[0]}`,
      { cause },
    )
  }
}

/**
 * Looks whether each definition's service is there, before an event of it is.
 *
 * @throws ConfigError that names the first which is not
 */
export function checkServices(
  definitions: readonly EventDefinition[],
  container: { hasRegistration?(name: string): boolean },
): void {
  for (const { name, resolve } of definitions) {
    if (typeof resolve !== "object" || resolve === null) continue
    if (container.hasRegistration?.(resolve.service) ?? true) continue
    throw new ConfigError(
      `Expected the container to have the service \`${resolve.service}\`, which resolves \`${name}\`, got none of that name. Register it before the Carillon is started.`,
    )
  }
}
