import { basename } from "node:path"
import type { HandlerLogger } from "../bus/events.ts"
import { kebabCase, type SubscribeOptions } from "../bus/subscriptions.ts"
import type { CarillonContainer } from "../container.ts"
import type { CarillonEvent } from "../core/event.ts"
import type { HandlerTx } from "../worker/handler-transaction.ts"

/** What a subscriber file exports as `config`. */
export interface SubscriberConfig
  extends Pick<SubscribeOptions, "policy" | "filter" | "sender" | "scope" | "start"> {
  /** The name of the event to listen to, with wildcards if need be (`order.*`, `*`), or several of them. */
  readonly event: string | readonly string[]
  readonly context?: {
    /**
     * The subscription's lasting name: what waits for it finds it again after a restart.
     *
     * @defaultValue the name of the exported function, else of the file, in kebab-case
     */
    readonly subscriberId?: string
    readonly [key: string]: unknown
  }
  /** Leave this file out, as if it were not there. @defaultValue false */
  readonly disabled?: boolean
}

/** The one object that a subscriber file's function is called with. */
export interface SubscriberArgs<T = unknown> {
  readonly event: CarillonEvent<T>
  /** The application's container: the logger, the event module, its own services. */
  readonly container: CarillonContainer
  /** `pluginOptions` of `carillon.config.ts`. */
  readonly pluginOptions: Readonly<Record<string, unknown>>
  /** The same in every attempt of this delivery: use it to make effects idempotent. */
  readonly deliveryId: string
  /** From 1 up. */
  readonly attempt: number
  /** Aborted when the attempt's time is over, the lease is lost, or the app stops. */
  readonly signal: AbortSignal
  readonly logger: HandlerLogger
  /** The transaction in which a handler with `policy: { transactional: true }` writes, and its delivery is settled. */
  readonly tx: HandlerTx
}

export type SubscriberFunction = (args: SubscriberArgs) => unknown

/** A file of `src/subscribers` that can be subscribed. */
export interface Subscriber {
  readonly file: string
  readonly id: string
  readonly events: readonly string[]
  readonly handler: SubscriberFunction
  readonly options: Pick<SubscribeOptions, "policy" | "filter" | "sender" | "scope" | "start">
}

/** What a file turned out to be. */
export type Reading =
  | { readonly kind: "subscriber"; readonly subscriber: Subscriber }
  | { readonly kind: "disabled" }
  /** `fatal` stops an app in production, where a subscriber that never hears anything would go unseen. */
  | { readonly kind: "refused"; readonly fatal: boolean; readonly reason: string }

/** Reads a subscriber file's exports; whatever is wrong with them becomes a reason that names the file. */
export function readSubscriber(file: string, exports: Readonly<Record<string, unknown>>): Reading {
  const { default: handler, config } = exports
  if (typeof handler !== "function")
    return refused(`${file}: expected its default export to be the function to call. The file is skipped.`)
  if (typeof config !== "object" || config === null)
    return refused(`${file}: expected an export \`config\` that names the event. The file is skipped.`)
  const { event, context, disabled, ...options } = config as SubscriberConfig
  if (disabled === true) return { kind: "disabled" }
  const events = Array.isArray(event) ? event : [event]
  if (events.length === 0 || events.some((each) => each === undefined || each === null || each === ""))
    return refused(`${file}: expected \`config.event\` to name an event. Nobody would ever call it.`, true)
  if (events.some((each) => typeof each !== "string"))
    return refused(`${file}: expected \`config.event\` to be a string or strings. The file is skipped.`)
  const unknown = Object.keys(options).filter((name) => !OPTIONS.includes(name))
  if (unknown.length > 0)
    return refused(`${file}: expected \`config\` to have ${KNOWN}; got \`${unknown.join("`, `")}\`.`, true)
  const subscriber = {
    file,
    id: context?.subscriberId ?? subscriberIdOf(handler.name, file),
    events: [...new Set(events)],
    handler: handler as SubscriberFunction,
    options,
  }
  return { kind: "subscriber", subscriber }
}

const OPTIONS: readonly string[] = ["policy", "filter", "sender", "scope", "start"]
const KNOWN = `event, context, disabled, ${OPTIONS.join(", ")}`

function refused(reason: string, fatal = false): Reading {
  return { kind: "refused", fatal, reason }
}

/** Compilers call a nameless default export `_default` or `default`; then the file's name says more. */
export function subscriberIdOf(functionName: string, file: string): string {
  const isNameless = functionName === "default" || functionName.startsWith("_default")
  const name = isNameless ? "" : kebabCase(functionName)
  return name === "" ? kebabCase(basename(file).replace(/\.[cm]?[jt]s$/, "")) : name
}
