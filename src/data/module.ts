import { expected, InvalidInputError } from "../core/errors.ts"
import type { EntityResolver } from "./resolver.ts"

const MODULE = Symbol.for("carillon.module") // an application may load this module twice

/** A class of services; it is made with the container's services and the module's options. */
export type ServiceClass<Service extends object = object> = new (...args: never[]) => Service

/** What a module is made of: what `Module` returns and a module's `index.ts` exports by default. */
export interface ModuleDefinition<Service extends object = object> {
  readonly name: string
  readonly service: ServiceClass<Service>
  /** Entities that are not rows of a table: who answers for them in `query.graph`, by their names. */
  readonly entities: Readonly<Record<string, EntityResolver<Service>>>
}

/** What a module consists of beside its name. */
export interface ModuleParts<Service extends object> {
  /** Is made once, as `new service(container, options)`, and registered under the module's name. */
  readonly service: ServiceClass<Service>
  /** Entities that are not rows of a table: who answers for them in `query.graph`, by their names. */
  readonly entities?: Readonly<Record<string, EntityResolver<Service>>>
}

/**
 * Defines a module: a service that the container has under this name.
 *
 * @example
 * ```ts
 * import { Module } from "carillon"
 *
 * class CmsModuleService {}
 *
 * export default Module("cms", { service: CmsModuleService })
 * ```
 *
 * @throws InvalidInputError when the name or the service cannot be used
 */
export function Module<Service extends object>(
  name: string,
  { service, entities = {} }: ModuleParts<Service>,
): ModuleDefinition<Service> {
  if (typeof name !== "string" || !/^[A-Za-z][\w.-]*$/.test(name))
    throw new InvalidInputError(expected("a module's name of letters, digits, `_`, `-` and `.`", name))
  if (typeof service !== "function")
    throw new InvalidInputError(expected(`\`service\` of the module \`${name}\` to be a class`, service))
  return Object.freeze({ [MODULE]: true, name, service, entities: Object.freeze({ ...entities }) })
}

export function isModule(value: unknown): value is ModuleDefinition {
  return typeof value === "object" && value !== null && MODULE in value
}
