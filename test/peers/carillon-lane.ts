import { registerValues } from "../../src/container.ts"
import { createCarillon, NotFoundError } from "../../src/index.ts"
import * as workflows from "../../src/workflows/index.ts"
import { echoQuery } from "./echo-query.ts"
import { endOf, type Lane, type LaneOrder } from "./lane.ts"
import type { Bus, Engine, Flow, Sdk } from "./sdk.ts"

/** One worker on an empty store. It starts when the programs have a lane, as an app does before it serves. */
export async function openCarillon({ database }: LaneOrder): Promise<Lane> {
  const carillon = await createCarillon({ database, logger: false, pollMs: 100 })
  registerValues(carillon.container, { query: echoQuery })
  await carillon.start()

  return {
    sdk: workflows as unknown as Sdk,
    container: carillon.container,
    engine: carillon.workflows as unknown as Engine,
    bus: carillon.events as unknown as Bus,
    look: async (workflow, transactionId) => {
      try {
        const transaction = await carillon.workflows.getRunningTransaction(workflow, transactionId)
        return endOf(transaction.getFlow() as unknown as Flow)
      } catch (error) {
        if (error instanceof NotFoundError) return null
        throw error
      }
    },
    close: () => carillon.stop(),
  }
}
