import { ENDPOINT_STATES, readEndpointState } from "../core/endpoint.ts"
import type { AttemptRecord } from "../core/job.ts"
import type { SubscriptionVersion } from "../core/subscription.ts"
import type { ListedJob, QueriesPort } from "../engine/queries.ts"
import type { Webhook } from "./shapes.ts"
import { stalledOf } from "./webhook-report.ts"

/** How a webhook does lately, by its newest deliveries. */
export interface WebhookHealth {
  /** How many attempts were looked at, of how many deliveries. */
  readonly attempts: number
  readonly deliveries: number
  /** From 0 to 1: how many of these attempts succeeded; null = there was none. */
  readonly successRate: number | null
  /** How long half of them, and 99 of 100, took at most; null = there was none. */
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  /** Deliveries that wait, retries among them, that run, and that have no attempts left. */
  readonly waiting: number
  readonly running: number
  readonly dead: number
  /** Since when the oldest delivery that is not over could have been sent; null = there is none. */
  readonly oldestWaitingAt: Date | null
  readonly lastSuccessAt: Date | null
  readonly lastFailure: LastFailure | null
  /** Nothing can be sent since then, for a fault of Carillon's own; null = nothing of the kind. */
  readonly stalled: Webhook["stalled"]
  /** Attempts since then were looked at; null = there was none. */
  readonly since: Date | null
  /** false = there are more deliveries than were looked at. */
  readonly searchedAll: boolean
}

export interface LastFailure {
  readonly at: Date
  readonly deliveryId: string
  readonly error: string
  readonly status: number | null // of HTTP; null = there was no answer
}

type Queries = Pick<QueriesPort, "jobs" | "lag" | "record">

/** A look ends after so many deliveries, or so many reads: other subscriptions' jobs stand between. */
const MOST_DELIVERIES = 1_000
const MOST_READS = 10
const ROWS_PER_READ = 250

export async function healthOf(
  queries: Queries,
  { no, id }: Pick<SubscriptionVersion, "no" | "id">,
): Promise<WebhookHealth> {
  const [{ jobs, searchedAll }, lags, state] = await Promise.all([
    newestJobs(queries, no),
    queries.lag(),
    queries.record(ENDPOINT_STATES, id),
  ])
  const lag = lags.find((each) => each.subscription === no)
  const attempts = jobs.flatMap(attemptsOf).sort((a, b) => b.record.at - a.record.at)
  const successes = attempts.filter(({ record }) => record.outcome === "delivered")
  const failed = attempts.find(({ record }) => record.outcome !== "delivered")
  const times = attempts.map(({ record }) => record.ms).sort((a, b) => a - b)
  return {
    attempts: attempts.length,
    deliveries: jobs.filter(({ history }) => history.length > 0).length,
    successRate: attempts.length === 0 ? null : successes.length / attempts.length,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
    waiting: lag?.waiting ?? 0,
    running: lag?.leased ?? 0,
    dead: lag?.dead ?? 0,
    oldestWaitingAt: dateOf(lag?.oldestAt),
    lastSuccessAt: dateOf(successes[0]?.record.at),
    lastFailure: failed === undefined ? null : failureOf(failed),
    stalled: stalledOf(readEndpointState(state)),
    since: dateOf(attempts.at(-1)?.record.at),
    searchedAll,
  }
}

async function newestJobs(
  queries: Queries,
  no: number,
): Promise<{ readonly jobs: readonly ListedJob[]; readonly searchedAll: boolean }> {
  const jobs: ListedJob[] = []
  let cursor: string | null | undefined
  for (let reads = 0; reads < MOST_READS && jobs.length < MOST_DELIVERIES && cursor !== null; reads++) {
    const query = { kind: "delivery", subscriptions: [no], limit: ROWS_PER_READ } as const
    const page = await queries.jobs(cursor === undefined ? query : { ...query, cursor })
    jobs.push(...page.items)
    cursor = page.cursor
  }
  return { jobs, searchedAll: cursor === null }
}

interface Attempt {
  readonly record: AttemptRecord
  readonly deliveryId: string
}

function attemptsOf({ id, history }: ListedJob): Attempt[] {
  return history.map((record) => ({ record, deliveryId: id }))
}

function failureOf({ record, deliveryId }: Attempt): LastFailure {
  const { at, error = "", details } = record
  return { at: new Date(at), deliveryId, error, status: details?.status ?? null }
}

/** The smallest of the times that so many of them are at most. */
function quantile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null
}

function dateOf(at: number | null | undefined): Date | null {
  return at === null || at === undefined ? null : new Date(at)
}
