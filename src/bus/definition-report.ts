import type { EventDefinition } from "../core/definition.ts"
import type { ResolveAt, Resolver } from "../core/resolver.ts"

/** A defined event, as it is shown. */
export interface DefinitionReport {
  readonly name: string
  readonly description: string | null
  /** The library that its schema is of, as it calls itself; null = it has no schema. */
  readonly vendor: string | null
  /** JSON Schema 2020-12 of the data that may be emitted; null = there is no schema, or its library cannot say. */
  readonly jsonSchema: Readonly<Record<string, unknown>> | null
  /** What looks its data up: a function of the application's, or a service's method; null = nothing does. */
  readonly resolver: ResolverReport | null
  /** When that runs: for each attempt of a delivery, or once, while the event is published. */
  readonly resolveAt: ResolveAt
  /** What somebody needs beside to make webhook subscriptions to it. */
  readonly resources: readonly string[]
}

export interface ResolverReport {
  readonly service: string | null // null = it is a function
  readonly method: string | null
  readonly params: readonly string[] | null // null = all arguments as one object
}

export function definitionReport(definition: EventDefinition): DefinitionReport {
  const { name, description, schema, resolve, resolveAt, resources } = definition
  return {
    name,
    description,
    vendor: schema?.["~standard"].vendor ?? null,
    jsonSchema: jsonSchemaOf(schema),
    resolver: resolve === null ? null : resolverReport(resolve),
    resolveAt,
    resources,
  }
}

function resolverReport(resolver: Resolver): ResolverReport {
  if (typeof resolver === "function") return { service: null, method: null, params: null }
  const { service, method, params = null } = resolver
  return { service, method, params }
}

/** What libraries offer beside Standard Schema, where they can (standardschema.dev/json-schema). */
interface Translatable {
  readonly jsonSchema?: { readonly input?: (options: { readonly target: string }) => Record<string, unknown> }
}

function jsonSchemaOf(schema: EventDefinition["schema"]): Record<string, unknown> | null {
  try {
    const { jsonSchema } = (schema?.["~standard"] ?? {}) as Translatable
    return jsonSchema?.input?.({ target: "draft-2020-12" }) ?? null
  } catch {
    return null // dates, functions and transformations have no word in JSON Schema
  }
}
