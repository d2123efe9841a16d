import type { ChangeResult, ReplayRequest } from "../../engine/commit.ts"
import { get, type Program, run } from "./program.ts"

/** Makes the job of a replay. The same token again is the same wish: it is told the replay it has. */
export function* putReplay(
  request: ReplayRequest,
  token: string | null, // null = nobody can ask for it twice
  now: number,
): Program<ChangeResult> {
  const known = token === null ? null : yield* replayOf(token)
  if (known !== null) return yield* answer(known)
  const replay = yield* nextReplay()
  if (token !== null && !(yield* remember(token, replay))) return yield* answer((yield* replayOf(token)) ?? 0)
  const no = yield* insertReplay(request, replay, now)
  return { status: "ok", count: replay, jobs: [{ no, epoch: 0 }] }
}

function* replayOf(token: string): Program<number | null> {
  const row = yield* get("SELECT value FROM store.meta WHERE name = ?", `${PREFIX}${token}`)
  return (row?.value as number | undefined) ?? null
}

const PREFIX = "replay:"
const BEHIND_PREFIX = "replay;"

/** So many replays later nobody asks for one again. */
const REMEMBERED = 1_000

function* answer(replay: number): Program<ChangeResult> {
  const row = yield* get("SELECT no FROM store.jobs WHERE id = ?", `rpl_${replay}`)
  return { status: "ok", count: replay, jobs: [{ no: (row?.no as number | undefined) ?? 0, epoch: 0 }] }
}

function* nextReplay(): Program<number> {
  const row = yield* get(
    "UPDATE store.meta SET value = value + 1 WHERE name = 'next_replay' RETURNING value - 1 AS replay",
  )
  return row?.replay as number
}

/** `false` = the commit that was thought lost was written while this one waited for the number. */
function* remember(token: string, replay: number): Program<boolean> {
  yield* run(
    "DELETE FROM store.meta WHERE name >= ? AND name < ? AND value < ?",
    PREFIX,
    BEHIND_PREFIX,
    replay - REMEMBERED,
  )
  const added = yield* run(
    "INSERT INTO store.meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
    `${PREFIX}${token}`,
    replay,
  )
  return added === 1
}

function* insertReplay(request: ReplayRequest, replay: number, now: number): Program<number> {
  const row = yield* get(
    `INSERT INTO store.jobs (id, kind, group_name, subscription, commit_id, idx, replay, scope, key, priority,
       state, reason, due_at, attempt, crashes, isolated, worker, epoch, created_at, updated_at, data)
     VALUES (?, 'replay', ?, 0, NULL, 0, ?, '', NULL, 1, 0, 'queued', ?, 0, 0, 0, NULL, 0, ?, ?, ?)
     RETURNING no`,
    `rpl_${replay}`,
    request.group,
    replay,
    now,
    now,
    now,
    JSON.stringify({ ...request, cursor: request.fromCommit, made: 0 }),
  )
  return row?.no as number
}
