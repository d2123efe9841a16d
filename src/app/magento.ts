import { resolve } from "node:path"
import { type ListenerSettings, resolveListener } from "../compat/magento/listener/settings.ts"
import { ConfigError } from "../core/errors.ts"
import { App } from "./app.ts"
import { Ending } from "./ending.ts"
import { type LoadedApp, loadApp } from "./load.ts"
import { appLogger, logError } from "./log.ts"

export interface MagentoOptions {
  /** The app's folder: where its definitions are, and what is said of the shop. */
  readonly dir: string
  /** Wins over the app's configuration and the environment. */
  readonly database?: string
}

/**
 * Takes a shop's events and does nothing else with the app's files, until it is asked to end; resolves to the exit
 * code. Other processes handle and send what it publishes.
 */
export async function listenToShop({ dir, database }: MagentoOptions): Promise<number> {
  const logger = appLogger({ mode: "start", level: "info" })
  const ending = new Ending(() => logger)
  try {
    const loaded = await loadApp({ folder: resolve(dir), database, mode: "start" })
    for (const warning of loaded.warnings) logger.warn(warning)
    const app = await App.listen(loaded, { logger, settings: listenerOf(loaded) })
    const code = await ending.asked
    await app.stop()
    return code
  } catch (error) {
    logError(logger, error)
    return 1
  } finally {
    ending.dispose()
  }
}

/** Where an app's shop publishes. */
export async function shopListener({ dir, database }: MagentoOptions): Promise<ListenerSettings> {
  return listenerOf(await loadApp({ folder: resolve(dir), database, mode: "start" }))
}

/** Who asks for it by a verb need not ask for it in the configuration as well. */
function listenerOf({ config }: LoadedApp): ListenerSettings {
  const { listener } = config.magento
  if (listener !== null) return listener
  if ((process.env.CARILLON_MAGENTO_AMQP ?? "") !== "") return resolveListener({})
  throw new ConfigError(
    "Expected to know where the shop publishes, by `magento: { amqp: { url } }` in carillon.config.ts or by CARILLON_MAGENTO_AMQP, got neither.",
  )
}
