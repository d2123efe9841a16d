import { expected, ForbiddenError, InvalidInputError, NotFoundError, StoreError } from "../core/errors.ts"
import { scopeKeys } from "../core/scope.ts"
import { type SubscriptionVersion, WEBHOOK_RECORDS } from "../core/subscription.ts"
import type { Change, EndSubscription } from "../engine/commit.ts"
import type { Committer } from "../worker/committer.ts"
import { findStanding, findSubscription, type SubscriptionName } from "./find-subscription.ts"
import type { StaffSources } from "./staff.ts"
import { isOfOthersToo, visibleOf } from "./within.ts"

export interface StandingOptions {
  readonly sources: StaffSources
  readonly committer: Committer
  readonly group: string
}

/** What stands in the catalog, subscriptions, workflows and schedules: found, paused, ended. */
export class Standing {
  readonly #options: StandingOptions

  constructor(options: StandingOptions) {
    this.#options = options
  }

  async pause(name: SubscriptionName): Promise<void> {
    await this.#setPaused(name, true)
  }

  async resume(name: SubscriptionName): Promise<void> {
    await this.#setPaused(name, false)
  }

  /**
   * Ends the wish for good; says how many waiting deliveries that cancelled.
   *
   * @throws InvalidInputError where runs that have not ended need it; ForbiddenError like the others, where only some
   *   scopes are allowed and it belongs to all
   */
  async remove(name: SubscriptionName): Promise<{ id: string; group: string; cancelled: number }> {
    const found = await this.#own(name)
    const [only] = found
    if (only === undefined || found.length > 1) throw ambiguous(name.subscription, found)
    await this.#refuseNeeded(only)
    const { id, group } = only
    const cancelled = await this.#write({ kind: "end-subscription", group, id, ...besideOf(only) })
    await this.#options.sources.catalog.refresh()
    return { id, group, cancelled }
  }

  /** The one subscription that events are delivered to. */
  async subscription(name: SubscriptionName): Promise<SubscriptionVersion> {
    const { subscription, group = this.#options.group } = name
    return findSubscription(await this.#current(name), { subscription, group })
  }

  /** Whatever goes by that name: several where they are shapes of one workflow. */
  async all(name: SubscriptionName): Promise<readonly SubscriptionVersion[]> {
    const { subscription, group = this.#options.group } = name
    return findStanding(await this.#current(name), { subscription, group })
  }

  /** The same, where all of it is theirs who ask: what others hear by as well is not for them to steer. */
  async #own(name: SubscriptionName): Promise<readonly SubscriptionVersion[]> {
    const found = await this.all(name)
    const scopes = scopeKeys(name.scopes)
    const common = found.find(({ definition }) => isOfOthersToo(definition.scope, scopes))
    if (common !== undefined) throw ofAllScopes(common)
    return found
  }

  async #current({ subscription: name, scopes }: SubscriptionName): Promise<readonly SubscriptionVersion[]> {
    if (typeof name !== "string" || name === "")
      throw new InvalidInputError(expected("the name of a subscription", name))
    const keys = scopeKeys(scopes)
    const { catalog, ready } = this.#options.sources
    await ready()
    await catalog.refresh()
    return visibleOf(catalog.router.subscriptions, keys)
  }

  async #setPaused(name: SubscriptionName, paused: boolean): Promise<void> {
    const { catalog, worker } = this.#options.sources
    const put = { kind: "put-subscription", worker: null, startAt: null, keepPaused: false } as const
    const found = await this.#own(name)
    const disabled = found.find(({ definition: { target } }) => target.kind === "webhook" && target.disabled)
    if (disabled !== undefined && !paused) throw isDisabled(disabled)
    for (const { id, group } of found) await this.#write({ ...put, group, id, definition: { paused } })
    await catalog.refresh()
    worker.heedPauses()
    worker.poke()
  }

  async #refuseNeeded({ no, id, group, definition }: SubscriptionVersion): Promise<void> {
    const { queries } = this.#options.sources.engine
    const { pattern, target } = definition
    if (target.kind === "workflow") {
      const counts = (await queries.runCounts()).find((each) => each.subscription === no)
      const live = counts === undefined ? 0 : counts.running + counts.waiting + counts.crashed
      if (live > 0) throw runsGoOn(id, live, target.workflow)
    } else if (target.kind === "handler" && id === `${RUNS_SUBSCRIBER}@${pattern}`) {
      const { items } = await queries.waits({ group, event: pattern, limit: 1 })
      if (items[0] !== undefined) throw runWaits(id, items[0].run)
    }
  }

  async #write(change: Change): Promise<number> {
    const result = await this.#options.committer.write(change)
    if (result.status === "conflict") throw new NotFoundError(result.message)
    if (result.status !== "ok") throw new StoreError(`The store refused the change \`${change.kind}\`.`)
    return result.count ?? 0
  }
}

/** What a webhook has beside its entry goes with it. */
function besideOf({ id, definition }: SubscriptionVersion): Pick<EndSubscription, "record"> {
  if (definition.target.kind !== "webhook") return {}
  return {
    record: { kind: "put-record", collection: WEBHOOK_RECORDS, id, value: null, ifAbsent: false },
  }
}

/** By whose subscriptions a group's runs wait for events. */
const RUNS_SUBSCRIBER = "carillon-runs"

function ambiguous(name: string, found: readonly SubscriptionVersion[]): InvalidInputError {
  const ids = found.map(({ id }) => `\`${id}\``).join(", ")
  return new InvalidInputError(
    `Expected the name of one shape of a workflow, got \`${name}\`, which stands for ${found.length}: ${ids}. Write one of them in full.`,
  )
}

export function ofAllScopes({ id, definition }: SubscriptionVersion): ForbiddenError {
  const { kind } = definition.target
  const [what, does] = kind === "handler" || kind === "webhook" ? ["subscription", "hears"] : [kind, "serves"]
  return new ForbiddenError(
    `Expected a ${what} of these scopes, got \`${id}\`, which ${does} all of them: it is steered by those who may see every scope.`,
  )
}

function isDisabled({ id }: SubscriptionVersion): InvalidInputError {
  return new InvalidInputError(
    `Expected a subscription that is paused, got \`${id}\`, which is disabled for a reason: look at it (carillon webhook get ${id}), then enable it (carillon webhook enable ${id}).`,
  )
}

function runsGoOn(id: string, live: number, workflow: string): InvalidInputError {
  return new InvalidInputError(
    `Expected \`${id}\` to have no runs that go on, it has ${live}, which nobody could take further without it. Let a worker with this shape end them, or have them undone (carillon runs --workflow ${workflow}, carillon runs cancel <id>), then remove it.`,
  )
}

function runWaits(id: string, run: string): InvalidInputError {
  return new InvalidInputError(
    `Expected nothing to need \`${id}\`, but by it runs hear of the event that they wait for, such as ${run}. Let them end, or have them undone (carillon runs cancel ${run}), then remove it.`,
  )
}
