import type { DeliverySelection } from "../../bus/selection.ts"
import type { CarillonClient } from "../../client/client.ts"
import type { Operator } from "../operator.ts"
import { UsageError } from "../output.ts"
import { revived } from "../revived.ts"
import { scopeOf } from "./scope.ts"

type Steering = Pick<Operator, "redrive" | "cancel" | "replay" | "replayProgress" | "prune" | "erase">

/** What is done to many at once. How far it is a server does not say before it is done. */
export function remoteSteering(client: CarillonClient): Steering {
  return {
    redrive: async (selection) =>
      revived(
        await client.redrive(
          { ...asked(selection), retrying: selection.retrying },
          { scope: scopeOf(selection) },
        ),
      ),
    cancel: async (selection) =>
      revived(await client.cancel(asked(selection), { scope: scopeOf(selection) })),
    replay: async ({ onProgress: _, scopes, since, until, dryRun = false, ...wish }) => {
      const request = { ...wish, since: dateOf(since), until: dateOf(until), dryRun }
      return revived(await client.replay(request, { scope: scopeOf({ scopes }) }))
    },
    replayProgress: async (id) => revived(await client.replays.get(id)),
    prune: async ({ before, deadBefore, dryRun = false } = {}) =>
      revived(await client.system.prune({ before: dateOf(before), deadBefore: dateOf(deadBefore), dryRun })),
    erase: async ({ where, scopes, from, to, includeOpen, rewrite, dryRun = false }) => {
      if (rewrite !== undefined)
        throw new UsageError("Expected --rewrite with --database only: it is about the database's file.")
      const pattern = where as Record<string, unknown>
      const request = {
        where: pattern,
        scope: scopeOf({ scopes }),
        from: dateOf(from),
        to: dateOf(to),
        includeOpen,
        dryRun,
      }
      return revived(await client.erase(request))
    },
  }
}

function asked({ ids, subscription, group, name, all, dryRun }: DeliverySelection) {
  return { ids, subscription, group, name, all, dryRun }
}

function dateOf(time: Date | number | undefined): Date | undefined {
  return typeof time === "number" ? new Date(time) : time
}
