import { InvalidInputError, OpenWorkError } from "../core/errors.ts"
import { commitIdFrom } from "../core/ids.ts"
import { isWithin, scopeKeys } from "../core/scope.ts"
import type { Engine } from "../engine/engine.ts"
import type { Remains } from "../engine/maintenance.ts"
import { erasePattern } from "./erase-pattern.ts"
import type { EraseReport, OpenForErase } from "./erase-report.ts"
import { EraseWalk, type EraseWish } from "./erase-walk.ts"
import { timeOf } from "./listing.ts"
import type { StaffSources } from "./staff.ts"
import type { WithinScopes } from "./within.ts"

export interface EraseRequest extends WithinScopes {
  /**
   * Whose data is meant: an event pattern over `name`, `data`, `metadata`, `sender`, `scope` and `key`, such as
   * `{ "data": { "customer_id": ["cus_1"] } }`. Its `data` part is asked of the inputs of runs as well.
   */
  readonly where: unknown
  /** Only count. @defaultValue false */
  readonly dryRun?: boolean
  /**
   * Cancel deliveries that wait and clear staged events first, instead of leaving what is open. Refused while a
   * delivery or a run of it goes on. @defaultValue false
   */
  readonly includeOpen?: boolean
  /** Events, and runs by their input, from then on. @defaultValue the beginning */
  readonly from?: Date | number
  /** Before then. @defaultValue now */
  readonly to?: Date | number
  /**
   * Whether a SQLite file is written anew, so that no bytes remain in unused parts of it; meanwhile nobody else can
   * write: some 6 ms for each MiB. @defaultValue only where it has at most 16 MiB
   */
  readonly rewrite?: boolean
  /** Called after each slice. */
  readonly onProgress?: (soFar: { readonly events: number; readonly runs: number }) => void
}

/** Hears how much was erased, and within which scopes; undefined = every scope. */
type OnErased = (report: EraseReport, scopes: readonly string[] | undefined) => Promise<void>

/** Takes one person's data out of what is kept, a little at a time; cut short, the same again goes on. */
export class Eraser {
  readonly #sources: StaffSources
  readonly #onErased: OnErased

  constructor(sources: StaffSources, onErased: OnErased) {
    this.#sources = sources
    this.#onErased = onErased
  }

  async erase(request: EraseRequest): Promise<EraseReport> {
    const wish = wishOf(request)
    const { engine, catalog, ready } = this.#sources
    await ready()
    await catalog.refresh()
    if (request.dryRun === true) return (await this.#walk({ ...wish, dryRun: true })).report(true, null)
    if (wish.cancels) refuseRunning((await this.#walk({ ...wish, dryRun: true })).open)
    const tally = await this.#walk(wish)
    const report = tally.report(false, await scrubbed(engine, request.rewrite ?? null))
    await this.#onErased(report, scopeKeys(request.scopes))
    return report
  }

  #walk(wish: EraseWish) {
    return new EraseWalk(this.#sources, wish).walk()
  }
}

function wishOf({ where, scopes, dryRun, includeOpen, from, to, onProgress }: EraseRequest): EraseWish {
  const keys = scopeKeys(scopes)
  const since = timeOf("from", from)
  const until = timeOf("to", to)
  if (since !== null && until !== null && until <= since)
    throw new InvalidInputError("Expected `to` to be later than `from`, got a moment that is not.")
  return {
    pattern: erasePattern(where),
    isWithin: (scope) => isWithin(keys, scope),
    from: commitIdFrom(since ?? 0),
    to: until === null ? "~" : commitIdFrom(until),
    isBetween: (at) => at >= (since ?? 0) && at < (until ?? Number.POSITIVE_INFINITY),
    dryRun: dryRun === true,
    cancels: includeOpen === true,
    onProgress: onProgress ?? (() => {}),
  }
}

/** What runs has the data in its hands: nothing that is done to the store takes it from there. */
function refuseRunning({ running, runs }: OpenForErase): void {
  if (running + runs === 0) return
  throw new OpenWorkError(
    `Expected nothing of it to run, got ${running} deliveries and ${runs} runs that go on. Wait for their end, or have the runs undone (carillon runs cancel); without \`includeOpen\` what is over can be erased now.`,
  )
}

const TRIES = 5
const PAUSE_MS = 100

/** Somebody who reads keeps the log from being emptied, for a moment. */
async function scrubbed(engine: Engine, rewrite: boolean | null): Promise<Remains> {
  for (let tries = 1; ; tries++) {
    const remains = await engine.maintenance.scrub({ rewrite })
    if (remains !== "log" || tries === TRIES) return remains
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
}
