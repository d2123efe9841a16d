import { ConfigError, expected } from "../../core/errors.ts"
import { type ListenerSettings, type MagentoAmqp, resolveListener } from "./listener/settings.ts"
import type { MagentoServices } from "./services.ts"

/** What an app has to do with a Magento shop. */
export interface MagentoConfig {
  /**
   * Which service of the container stands for which class of the shop, of those that imported definitions name. A class
   * without one is an error at start.
   *
   * @defaultValue none
   */
  readonly services?: MagentoServices
  /** Takes the events that the shop publishes to its broker. @defaultValue nothing is taken */
  readonly amqp?: MagentoAmqp
}

export interface ResolvedMagento {
  readonly services: MagentoServices
  readonly listener: ListenerSettings | null // null = nothing is taken
}

const KNOWN: readonly string[] = ["services", "amqp"] satisfies (keyof MagentoConfig)[]

/** @throws ConfigError that names the file and the setting */
export function resolveMagento(
  file: string,
  given: unknown = {},
  env: Readonly<Record<string, string | undefined>> = process.env,
): ResolvedMagento {
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw new ConfigError(`${file}: ${expected("`magento` to be an object", given)}`)
  const unknown = Object.keys(given).find((name) => !KNOWN.includes(name))
  if (unknown !== undefined)
    throw new ConfigError(`${file}: expected \`magento\` to have ${KNOWN.join(", ")}, got \`${unknown}\`.`)
  const { services = {}, amqp } = given as MagentoConfig
  return { services: checkedServices(file, services), listener: listenerOf(file, amqp, env) }
}

function checkedServices(file: string, services: unknown): MagentoServices {
  const isRecord = typeof services === "object" && services !== null && !Array.isArray(services)
  if (!isRecord || !Object.values(services).every((name) => typeof name === "string" && name !== ""))
    throw new ConfigError(
      `${file}: ${expected("`magento.services` to name a service for each class", services)}`,
    )
  const entries = Object.entries(services as MagentoServices)
  return Object.fromEntries(entries.map(([name, service]) => [name.replace(/^\\/, ""), service]))
}

function listenerOf(
  file: string,
  amqp: unknown,
  env: Readonly<Record<string, string | undefined>>,
): ListenerSettings | null {
  if (amqp === undefined) return null
  try {
    return resolveListener(amqp, env)
  } catch (error) {
    throw new ConfigError(`${file}: ${(error as Error).message}`, { cause: error })
  }
}
