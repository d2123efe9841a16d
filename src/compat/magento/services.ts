import type { EventDefinition } from "../../core/definition.ts"
import { ConfigError } from "../../core/errors.ts"

/** Which service of the container stands for which class of the shop. */
export type MagentoServices = Readonly<Record<string, string>>

/**
 * The definitions with the shop's classes replaced by services. What has no backslash is a service already, unless the
 * map has it.
 *
 * @throws ConfigError that names each class without a service, and its events
 */
export function withServices(
  definitions: readonly EventDefinition[],
  services: MagentoServices,
): readonly EventDefinition[] {
  const unmapped = new Map<string, string[]>()
  const mapped = definitions.map((definition) => {
    const { resolve, name } = definition
    if (resolve === null || typeof resolve === "function") return definition
    const given = resolve.service.replace(/^\\/, "")
    const service = Object.hasOwn(services, given) ? services[given] : undefined
    if (service !== undefined) return Object.freeze({ ...definition, resolve: { ...resolve, service } })
    if (given.includes("\\")) unmapped.set(given, [...(unmapped.get(given) ?? []), name])
    return definition
  })
  if (unmapped.size > 0) throw withoutService(unmapped)
  return mapped
}

function withoutService(unmapped: ReadonlyMap<string, readonly string[]>): ConfigError {
  const each = [...unmapped].map(([name, events]) => `\`${name}\` (of \`${events.join("`, `")}\`)`)
  return new ConfigError(
    `Expected each class of the shop to have a service in \`magento.services\`, got none for ${each.join(", ")}. Map it to a service of the container: ${JSON.stringify([...unmapped.keys()][0])}: "orders".`,
  )
}
