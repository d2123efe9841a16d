import { EVENT_ERASED } from "../core/erasure.ts"
import { InvalidInputError } from "../core/errors.ts"
import { parseDeliveryId } from "../core/ids.ts"
import type { JobState } from "../core/job.ts"
import { isRunId } from "../core/run.ts"
import { isWithin, scopeKeys } from "../core/scope.ts"
import type { SubscriptionVersion } from "../core/subscription.ts"
import type { ReplayRequest } from "../engine/commit.ts"
import type { JobQuery, JobRow, QueriesPort } from "../engine/queries.ts"
import { ofAllScopes, type Standing } from "./standing.ts"
import type { WithinScopes } from "./within.ts"

/** Which deliveries are meant: by id, by subscription, by event name (together: both), or every one. */
export interface DeliverySelection extends WithinScopes {
  /**
   * Delivery ids, event ids for all deliveries of that event, or ids of replays for all that they made, and, to cancel,
   * what they have still to make. To redrive also ids of runs and schedules whose workers died of them.
   */
  readonly ids?: readonly string[]
  /** To redrive also a workflow's id, `workflow:place-order`: all its runs whose workers died of them. */
  readonly subscription?: string
  /** Whose subscription it is. @defaultValue the Carillon's own group */
  readonly group?: string
  /** The event's name, exact. */
  readonly name?: string
  /** All there are, of every group; with `scopes`, of these. */
  readonly all?: boolean
  /**
   * To redrive also what failed and waits for its next attempt: it is made now. It is one of those that the policy grants.
   *
   * @defaultValue false
   */
  readonly retrying?: boolean
  /** Only count. @defaultValue false */
  readonly dryRun?: boolean
  /** Called after each slice with how many there were so far. */
  readonly onProgress?: (count: number) => void
}

/** A delivery that was named and left as it is. */
export interface SkippedDelivery {
  readonly id: string
  readonly why: string
}

/** What is to become of them. */
export type Fate = "redrive" | "cancel"

/** Rows to a slice: small, so that nobody waits for it. */
const SLICE = 200

/** Finds the jobs that somebody means. */
export class Selector {
  readonly #queries: QueriesPort
  readonly #standing: Standing
  readonly #group: string

  constructor(queries: QueriesPort, standing: Standing, group: string) {
    this.#queries = queries
    this.#standing = standing
    this.#group = group
  }

  async *slices(
    selection: DeliverySelection,
    fate: Fate,
    skipped: SkippedDelivery[],
  ): AsyncGenerator<readonly JobRow[]> {
    const { ids, subscription, name, all, retrying = false } = selection
    const scopes = scopeKeys(selection.scopes)
    if (ids !== undefined) {
      const terms = { group: selection.group ?? this.#group, fate, scopes, retrying }
      yield* this.#named(ids, terms, skipped)
      return
    }
    if (subscription === undefined && name === undefined && all !== true) {
      throw new InvalidInputError(
        "Expected one of `ids`, `subscription`, `name` or `all: true`, got none of them: say which deliveries are meant.",
      )
    }
    const target = await this.#targetOf(selection, fate)
    for (const state of statesOf(fate, retrying))
      yield* this.#all({ ...target, scopes, state, name }, (job) => isMeant(job, fate))
  }

  async *#all(
    query: Omit<JobQuery, "cursor" | "limit">,
    isWanted: (job: JobRow) => boolean,
  ): AsyncGenerator<readonly JobRow[]> {
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await this.#queries.jobs({ ...query, cursor, limit: SLICE })
      const wanted = page.items.filter(isWanted)
      if (wanted.length > 0) yield wanted
      cursor = page.cursor
    }
  }

  /** A run is undone rather than cancelled, so only a redrive means more than deliveries. */
  async #targetOf(
    { subscription, group, scopes }: DeliverySelection,
    fate: Fate,
  ): Promise<{ readonly kind: string; readonly subscriptions?: readonly number[] }> {
    if (subscription === undefined) return { kind: "delivery" }
    const name = { subscription, group, scopes }
    const found =
      fate === "redrive" ? await this.#standing.all(name) : [await this.#standing.subscription(name)]
    const kind = JOB_KINDS[found[0]?.definition.target.kind ?? "handler"]
    // Its job is the installation's: what it starts may be of any scope.
    if (kind === "schedule" && scopeKeys(scopes) !== undefined)
      throw ofAllScopes(found[0] as SubscriptionVersion)
    return { kind, subscriptions: found.map(({ no }) => no) }
  }

  async *#named(
    ids: readonly string[],
    terms: Terms,
    skipped: SkippedDelivery[],
  ): AsyncGenerator<readonly JobRow[]> {
    const { group, fate, scopes, retrying } = terms
    const states = fate === "redrive" ? statesOf(fate, retrying) : ["waiting", "dead"]
    for (const id of ids) {
      if (isReplayId(id)) {
        if (!(yield* this.#replayed(id, terms)))
          skipped.push({
            id,
            why: `nothing of a replay of that id is ${fate === "cancel" ? "waiting, with a row of its own" : "dead"}`,
          })
        continue
      }
      const other = fate === "cancel" ? whyNotCancelled(id) : null
      const named = other === null ? await this.#jobsNamed(id, group, scopes) : []
      const jobs = named.filter((job) => isTheirs(job, scopes))
      const fit = jobs.filter((job) => states.includes(job.state) && isMeant(job, fate))
      if (fit.length > 0) yield fit
      else skipped.push({ id, why: other ?? whySkipped(jobs, states) })
    }
  }

  /** Of a replay all deliveries, and, where it is cancelled, those that it has still to make. Says whether there were any. */
  async *#replayed(
    id: string,
    { fate, scopes, retrying }: Omit<Terms, "group">,
  ): AsyncGenerator<readonly JobRow[], boolean> {
    const replay = await this.#queries.job(id)
    if (replay?.kind !== "replay") return false
    const { subscription, scopes: reach } = JSON.parse(replay.data ?? "{}") as ReplayRequest
    const isTheirs = scopes === undefined || reach?.every((each) => isWithin(scopes, each)) === true
    let found = fate === "cancel" && replay.state === "waiting" && isTheirs
    if (found) yield [replay]
    const isIts = (job: JobRow) => `${REPLAY}${job.replay}` === id && isMeant(job, fate)
    for (const state of statesOf(fate, retrying))
      for await (const its of this.#all(
        { kind: "delivery", subscriptions: [subscription], scopes, state },
        isIts,
      )) {
        found = true
        yield its
      }
    return found
  }

  async #jobsNamed(
    id: string,
    group: string,
    scopes: readonly string[] | undefined,
  ): Promise<readonly JobRow[]> {
    // A run's job has the run's id; one that crashed its workers is redriven like a delivery.
    if (parseDeliveryId(id) !== null || isRunId(id)) return this.#jobs(id)
    if (id.startsWith(SCHEDULE)) return this.#jobs(`${SCHEDULE}${group}:${id.slice(SCHEDULE.length)}`)
    const key = await this.#queries.findEvent(id, scopes)
    return key === null ? [] : (await this.#queries.traceOf(key)).jobs
  }

  async #jobs(id: string): Promise<readonly JobRow[]> {
    const job = await this.#queries.job(id)
    return job === null ? [] : [job]
  }
}

interface Terms {
  readonly group: string // in which schedules are named
  readonly fate: Fate
  readonly scopes: readonly string[] | undefined
  readonly retrying: boolean
}

function statesOf(fate: Fate, retrying: boolean): readonly JobState[] {
  if (fate === "cancel") return ["waiting"]
  return retrying ? ["dead", "waiting"] : ["dead"]
}

/** Of what waits only that has something to be redriven for which was tried before. */
function isMeant({ kind, state, attempt }: JobRow, fate: Fate): boolean {
  return fate === "cancel" || state !== "waiting" || (kind === "delivery" && attempt > 0)
}

function isTheirs({ kind, scope }: JobRow, scopes: readonly string[] | undefined): boolean {
  return kind === "schedule" || kind === "replay" ? scopes === undefined : isWithin(scopes, scope)
}

const SCHEDULE = "schedule:"
const REPLAY = "rpl_"

/** An event may have any id of its own. */
function isReplayId(id: string): boolean {
  return id.startsWith(REPLAY) && /^[1-9]\d*$/.test(id.slice(REPLAY.length))
}

const JOB_KINDS = { handler: "delivery", webhook: "delivery", workflow: "run", schedule: "schedule" } as const

function whyNotCancelled(id: string): string | null {
  if (isRunId(id)) return `a run is undone, not cancelled: carillon runs cancel ${id}`
  if (id.startsWith(SCHEDULE))
    return `a schedule is paused or removed, not cancelled: carillon subscriptions remove ${id}`
  return null
}

function whySkipped(jobs: readonly JobRow[], states: readonly string[]): string {
  const words = states.join(" or ")
  if (jobs.length > 0 && jobs.every(({ state }) => states.includes(state)))
    return "it waits, and was not tried yet"
  if (jobs.length > 0 && jobs.every(({ reason }) => reason === EVENT_ERASED)) return EVENT_ERASED
  if (jobs.length > 0) return `it is ${jobs.map((job) => job.state).join(", ")}, not ${words}`
  return `there is no delivery of its own under that id that is ${words}`
}
