import type { Logger } from "pino"
import type { HandlerContext, HandlerLogger } from "../bus/events.ts"
import { type Carillon, createCarillon } from "../carillon.ts"
import { MagentoListener } from "../compat/magento/listener/listener.ts"
import type { ListenerSettings } from "../compat/magento/listener/settings.ts"
import { type CarillonContainer, newContainer } from "../container.ts"
import { CarillonError, ConfigError } from "../core/errors.ts"
import type { CarillonEvent } from "../core/event.ts"
import { type OpenedModules, openModules } from "../data/open-modules.ts"
import { type CarillonServer, createServer } from "../server/create.ts"
import { newDoor } from "./entrance.ts"
import type { Door } from "./http/door.ts"
import type { LoadedApp } from "./load.ts"
import { Services } from "./services.ts"
import type { Subscriber, SubscriberArgs } from "./subscriber.ts"

export interface AppOptions {
  readonly logger: Logger
  readonly mode: "dev" | "start"
  readonly answersHttp: boolean
  /** It ends when nothing is left to do: it takes nothing from elsewhere. */
  readonly isOnce?: boolean
}

/** An app that runs: its Carillon, its modules and services, its subscribers, its door. */
export class App {
  readonly carillon: Carillon
  readonly container: CarillonContainer
  readonly #services: Services
  #modules: OpenedModules | null = null
  #door: Door | null = null
  #api: CarillonServer | null = null
  #listener: MagentoListener | null = null // null = it takes nothing from a shop

  private constructor(carillon: Carillon, container: CarillonContainer, services: Services) {
    this.carillon = carillon
    this.container = container
    this.#services = services
  }

  /** Nothing stays open when it rejects. */
  static async start(
    loaded: LoadedApp,
    { logger: ownLogger, mode, answersHttp, isOnce = false }: AppOptions,
  ): Promise<App> {
    const { config, subscribers, api } = loaded
    const app = await App.#made(loaded, ownLogger)
    const { carillon, container } = app
    try {
      for (const subscriber of subscribers) subscribe(carillon, subscriber, config.pluginOptions)
      if (answersHttp)
        app.#door = await newDoor({
          carillon,
          container,
          logger: carillon.logger,
          api,
          http: config.http,
          mode,
        })
      if (answersHttp && config.http.api !== null)
        app.#api = createServer(carillon, { ...config.http, ...config.http.api })
      await carillon.start()
      if (config.magento.listener !== null && !isOnce) await app.#listen(config.magento.listener)
    } catch (error) {
      await app.stop()
      throw error
    }
    return app
  }

  /** Takes a shop's events, and handles nothing. Nothing stays open when it rejects. */
  static async listen(
    loaded: LoadedApp,
    { logger, settings }: { readonly logger: Logger; readonly settings: ListenerSettings },
  ): Promise<App> {
    const app = await App.#made(loaded, logger)
    try {
      await app.#listen(settings)
    } catch (error) {
      await app.stop()
      throw error
    }
    return app
  }

  /** With its modules and services, which resolvers may ask for. */
  static async #made(loaded: LoadedApp, ownLogger: Logger): Promise<App> {
    const { config } = loaded
    const container = newContainer()
    const logger = config.carillon.logger ?? ownLogger
    const carillon = await createCarillon({ ...config.carillon, logger, container })
    const services = new Services(container)
    const app = new App(carillon, container, services)
    try {
      await app.#openModules(loaded)
      await services.make(config.services)
      await config.register(container)
    } catch (error) {
      await app.stop()
      throw error
    }
    return app
  }

  /** Where requests go in; null = it answers none. */
  get door(): Door | null {
    return this.#door
  }

  /** Carillon's own API; null = the app is without it. */
  get api(): CarillonServer | null {
    return this.#api
  }

  /** Handlers end before the services they use are closed. */
  async stop(): Promise<void> {
    try {
      await this.#listener?.stop()
      await this.carillon.stop()
    } finally {
      try {
        await this.#services.dispose()
      } finally {
        await this.#modules?.close()
      }
    }
  }

  async #listen(settings: ListenerSettings): Promise<void> {
    const listener = new MagentoListener({ carillon: this.carillon, settings })
    await listener.start()
    this.#listener = listener
  }

  async #openModules({ modules, config }: LoadedApp): Promise<void> {
    const { database = "", postgres, migrate } = config.carillon
    this.#modules = await openModules({ container: this.container, database, postgres, migrate, modules })
  }
}

function subscribe(
  carillon: Carillon,
  subscriber: Subscriber,
  pluginOptions: SubscriberArgs["pluginOptions"],
): void {
  const { id, handler, events, options, file } = subscriber
  const run = (event: CarillonEvent, context: HandlerContext): unknown =>
    handler(new Call(subscriber, event, context, pluginOptions))
  for (const event of events) {
    try {
      carillon.events.subscribe(event, run, { ...options, subscriberId: id })
    } catch (error) {
      if (!(error instanceof CarillonError)) throw error
      throw new ConfigError(`${file}: ${error.message}`, { cause: error })
    }
  }
}

/** One call of a subscriber's function; what it does not look at is not made. */
class Call implements SubscriberArgs {
  readonly event: CarillonEvent
  readonly pluginOptions: SubscriberArgs["pluginOptions"]
  readonly #subscriber: Subscriber
  readonly #context: HandlerContext
  #logger: HandlerLogger | null = null

  constructor(
    subscriber: Subscriber,
    event: CarillonEvent,
    context: HandlerContext,
    pluginOptions: SubscriberArgs["pluginOptions"],
  ) {
    this.event = event
    this.pluginOptions = pluginOptions
    this.#subscriber = subscriber
    this.#context = context
  }

  get container(): CarillonContainer {
    return this.#context.container as CarillonContainer
  }

  get deliveryId(): string {
    return this.#context.deliveryId
  }

  get attempt(): number {
    return this.#context.attempt
  }

  get signal(): AbortSignal {
    return this.#context.signal
  }

  /** Throws where the subscription is not transactional, so it is looked at only when it is asked for. */
  get tx(): SubscriberArgs["tx"] {
    return this.#context.tx
  }

  /** In JSON, each of its lines says which delivery it belongs to. */
  get logger(): HandlerLogger {
    if (this.#logger !== null) return this.#logger
    const logger = this.#context.logger as HandlerLogger & { child?: (bindings: object) => HandlerLogger }
    const bindings = { subscriber: this.#subscriber.id, deliveryId: this.deliveryId, attempt: this.attempt }
    this.#logger = logger.child?.(bindings) ?? logger
    return this.#logger
  }
}
