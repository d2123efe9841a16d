import type { CarillonClient } from "../../client/client.ts"
import type { Operator } from "../operator.ts"
import { revived } from "../revived.ts"
import { everything } from "./everything.ts"

export function remoteWebhooks({ webhooks }: CarillonClient): Operator["webhooks"] {
  return {
    create: async (wish) => revived(await webhooks.create(wish as Wish)),
    list: () => everything(webhooks.list({ limit: 1_000 })),
    get: async (id) => revived(await webhooks.get(id)),
    update: async (id, change) => revived(await webhooks.update(id, change as Change)),
    remove: (id) => webhooks.remove(id),
    pause: async (id) => revived(await webhooks.pause(id)),
    resume: async (id) => revived(await webhooks.resume(id)),
    enable: async (id) => revived(await webhooks.enable(id)),
    disable: async (id, { detail } = {}) => revived(await webhooks.disable(id, { detail })),
    rotateSecret: async (id, options) => revived(await webhooks.rotateSecret(id, options)),
    test: async (id, options) => revived(await webhooks.test(id, options)),
    health: async (id) => revived(await webhooks.health(id)),
  }
}

// What a command line says is checked by the server.
type Wish = Parameters<CarillonClient["webhooks"]["create"]>[0]
type Change = Parameters<CarillonClient["webhooks"]["update"]>[1]
