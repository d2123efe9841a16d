import { type AwilixContainer, asValue, createContainer, InjectionMode } from "awilix"

/** The names under which a container holds Carillon's own services. */
export const Modules = Object.freeze({
  EVENT: "event",
  EVENT_BUS: "event_bus",
  CARILLON: "carillon",
  WORKFLOW_ENGINE: "workflows",
} as const)

/** The names under which a container holds what is no module. */
export const ContainerRegistrationKeys = Object.freeze({
  LOGGER: "logger",
  QUERY: "query",
  CONFIG_MODULE: "configModule",
} as const)

/** The awilix container that handlers get: the event module, the logger, and what the application registers. */
export type CarillonContainer = AwilixContainer<CarillonCradle>

/** What Carillon itself registers, each where it is made; the application's own is resolved with a type of its choice. */
// biome-ignore lint/suspicious/noEmptyInterface: the rooms above add to it what they register
export interface CarillonCradle {}

export function newContainer(): CarillonContainer {
  return createContainer({ injectionMode: InjectionMode.PROXY, strict: false })
}

export function registerValues(
  container: CarillonContainer,
  values: Readonly<Record<string, unknown>>,
): void {
  for (const [name, value] of Object.entries(values)) container.register(name, asValue(value))
}
