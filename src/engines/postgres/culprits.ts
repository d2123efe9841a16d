import type { AppendEvents, ChangeResult, RejectedEmit } from "../../engine/commit.ts"
import type { TransactionSession } from "./database.ts"
import { isBadValue } from "./failures.ts"

/** Writes an append without the events of these indexes. */
type Write = (left: ReadonlySet<number>) => Promise<ChangeResult>

/**
 * The slow road, for when the store refused a value: finds the events that it does not take and writes
 * the others under their own indexes. An emit with such an event is refused whole.
 */
export async function withoutCulprits(
  session: TransactionSession,
  { events, emits }: AppendEvents,
  write: Write,
): Promise<ChangeResult> {
  const rejected = new Map<number, RejectedEmit>()
  for (const { index, message } of await culpritsOf(session, events.length, write)) {
    const emit = emits[index] as number
    if (!rejected.has(emit)) rejected.set(emit, { emit, code: "value", message })
  }
  const left = indexesWhere(events.length, (index) => rejected.has(emits[index] as number))
  const result = await write(left)
  if (result.status !== "ok" || result.append === undefined) return result
  const { append } = result
  return { ...result, append: { ...append, rejected: [...append.rejected, ...rejected.values()] } }
}

interface Culprit {
  readonly index: number
  readonly message: string
}

/** Halves what is refused until single events are left; what is taken is taken back. */
async function culpritsOf(session: TransactionSession, count: number, write: Write): Promise<Culprit[]> {
  const search = async (from: number, to: number): Promise<Culprit[]> => {
    const message = await tryOut(session, () => write(indexesWhere(count, (i) => i < from || i >= to)))
    if (message === null) return []
    if (to - from === 1) return [{ index: from, message }]
    const middle = Math.floor((from + to) / 2)
    return [...(await search(from, middle)), ...(await search(middle, to))]
  }
  return search(0, count)
}

function indexesWhere(count: number, holds: (index: number) => boolean): Set<number> {
  const indexes = new Set<number>()
  for (let index = 0; index < count; index++) if (holds(index)) indexes.add(index)
  return indexes
}

const TAKEN_BACK = Symbol("taken back")

/** Why it is refused; null = it is not. */
async function tryOut(session: TransactionSession, work: () => Promise<unknown>): Promise<string | null> {
  try {
    await session.savepoint(async () => {
      await work()
      throw TAKEN_BACK
    })
    return null
  } catch (error) {
    if (error === TAKEN_BACK) return null
    if (!isBadValue(error)) throw error
    return `The store refused the event: ${(error as Error).message}`
  }
}
