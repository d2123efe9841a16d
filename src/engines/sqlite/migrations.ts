// Made from migrations/*.sql by scripts/embed-migrations.ts: change those, not this.
interface Migration {
  readonly number: number
  readonly name: string
  readonly sql: string
}

export const MIGRATIONS: readonly Migration[] = [
  {
    number: 1,
    name: "init",
    sql: `-- What is true of the whole store: the version of the catalog.
CREATE TABLE meta (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO meta (name, value) VALUES ('catalog_version', 1), ('next_replay', 1);

-- One row a commit: what routed it, and the bridge from time to events.
CREATE TABLE commits (
  commit_id TEXT PRIMARY KEY,
  catalog_version INTEGER NOT NULL,
  events INTEGER NOT NULL
) WITHOUT ROWID;

-- Which commits hold events of a name: an index at the price of a row a commit, not a row an event.
CREATE TABLE commit_names (
  name TEXT NOT NULL,
  commit_id TEXT NOT NULL,
  events INTEGER NOT NULL,
  PRIMARY KEY (name, commit_id)
) WITHOUT ROWID;

CREATE TABLE events (
  commit_id TEXT NOT NULL,
  idx INTEGER NOT NULL,
  name TEXT NOT NULL,
  scope TEXT NOT NULL DEFAULT '',
  sender TEXT,
  key TEXT,
  at INTEGER NOT NULL,
  data TEXT,
  extra TEXT,
  id TEXT,
  PRIMARY KEY (commit_id, idx)
) WITHOUT ROWID;

-- Ids that are not derived from the key: the callers' own, and those of events that were staged.
CREATE TABLE event_ids (
  id TEXT NOT NULL,
  scope TEXT NOT NULL,
  commit_id TEXT NOT NULL,
  idx INTEGER NOT NULL,
  hash TEXT,
  unique_until INTEGER NOT NULL,
  PRIMARY KEY (id, scope)
) WITHOUT ROWID;

CREATE INDEX event_ids_commit ON event_ids (commit_id);

CREATE TABLE staged (
  event_group TEXT NOT NULL,
  commit_id TEXT NOT NULL,
  idx INTEGER NOT NULL,
  name TEXT NOT NULL,
  scope TEXT NOT NULL,
  sender TEXT,
  key TEXT,
  at INTEGER NOT NULL,
  data TEXT,
  extra TEXT,
  id TEXT,
  hash TEXT,
  PRIMARY KEY (event_group, commit_id, idx)
) WITHOUT ROWID;

CREATE INDEX staged_id ON staged (id, scope) WHERE id IS NOT NULL;

CREATE TABLE subscriptions (
  no INTEGER PRIMARY KEY AUTOINCREMENT,
  group_name TEXT NOT NULL,
  id TEXT NOT NULL,
  worker INTEGER,
  UNIQUE (group_name, id)
);

-- Never changed in place: a change closes one version and opens the next.
CREATE TABLE subscription_versions (
  subscription INTEGER NOT NULL,
  from_version INTEGER NOT NULL,
  to_version INTEGER,
  definition TEXT NOT NULL,
  PRIMARY KEY (subscription, from_version)
) WITHOUT ROWID;

-- state: 0 open, 1 leased, 2 closed
CREATE TABLE batches (
  no INTEGER PRIMARY KEY,
  commit_id TEXT NOT NULL,
  group_name TEXT NOT NULL,
  priority INTEGER NOT NULL,
  deliveries TEXT NOT NULL,
  state INTEGER NOT NULL,
  worker INTEGER,
  epoch INTEGER NOT NULL,
  takes INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  closed_at INTEGER,
  outcome TEXT
);

CREATE INDEX batches_open ON batches (group_name, priority, no) WHERE state = 0;
CREATE INDEX batches_leased ON batches (worker) WHERE state = 1;
CREATE INDEX batches_commit ON batches (commit_id);

-- Up to 100 deliveries of one subscription that simply wait.
CREATE TABLE parts (
  no INTEGER PRIMARY KEY,
  group_name TEXT NOT NULL,
  subscription INTEGER NOT NULL,
  replay INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  reason TEXT NOT NULL,
  catalog_version INTEGER NOT NULL,
  refs TEXT NOT NULL,
  size INTEGER NOT NULL,
  first_commit TEXT NOT NULL,
  last_commit TEXT NOT NULL,
  state INTEGER NOT NULL,
  worker INTEGER,
  epoch INTEGER NOT NULL,
  takes INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  closed_at INTEGER,
  outcome TEXT
);

CREATE INDEX parts_open ON parts (subscription, priority, no) WHERE state = 0;
CREATE INDEX parts_leased ON parts (worker) WHERE state = 1;
CREATE INDEX parts_commit ON parts (last_commit, first_commit);
CREATE INDEX parts_unfinished ON parts (last_commit, first_commit) WHERE state < 2;

-- state: 0 waiting, 1 leased, 2 delivered, 3 dead, 4 cancelled
CREATE TABLE jobs (
  no INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  kind TEXT NOT NULL,
  group_name TEXT NOT NULL,
  subscription INTEGER NOT NULL,
  commit_id TEXT,
  idx INTEGER NOT NULL,
  replay INTEGER NOT NULL,
  scope TEXT NOT NULL,
  key TEXT,
  priority INTEGER NOT NULL,
  state INTEGER NOT NULL,
  reason TEXT NOT NULL,
  due_at INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  crashes INTEGER NOT NULL,
  isolated INTEGER NOT NULL,
  worker INTEGER,
  epoch INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  error TEXT,
  history TEXT,
  data TEXT
);

CREATE UNIQUE INDEX jobs_id ON jobs (id);
CREATE INDEX jobs_ready ON jobs (subscription, scope, priority, due_at) WHERE state = 0 AND key IS NULL AND isolated = 0;
CREATE INDEX jobs_isolated ON jobs (subscription, due_at) WHERE state = 0 AND isolated = 1;
CREATE INDEX jobs_keyed ON jobs (subscription, key, no) WHERE state < 2 AND key IS NOT NULL;
CREATE INDEX jobs_keyed_ready ON jobs (subscription, key, priority, due_at) WHERE state = 0 AND key IS NOT NULL AND isolated = 0;
CREATE INDEX jobs_system ON jobs (group_name, due_at) WHERE state = 0 AND kind <> 'delivery';
CREATE INDEX jobs_leased ON jobs (worker) WHERE state = 1;
CREATE INDEX jobs_dead ON jobs (subscription, no) WHERE state = 3;
CREATE INDEX jobs_ended ON jobs (updated_at) WHERE state > 1;

-- One row an incarnation; a number is never used twice.
CREATE TABLE workers (
  no INTEGER PRIMARY KEY AUTOINCREMENT,
  group_name TEXT NOT NULL,
  name TEXT NOT NULL,
  host TEXT NOT NULL,
  pid INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  handles TEXT NOT NULL
);

-- The token bucket of a subscription with a rate limit, shared by all workers.
CREATE TABLE rates (
  subscription INTEGER PRIMARY KEY,
  tokens REAL NOT NULL,
  at INTEGER NOT NULL
);
`,
  },
  {
    number: 2,
    name: "runs",
    sql: `-- state: invoking, compensating (live), done, reverted, failed (ended)
-- A number is never used twice: steps and cursors speak of it.
CREATE TABLE runs (
  no INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL,
  group_name TEXT NOT NULL,
  subscription INTEGER NOT NULL,
  workflow TEXT NOT NULL,
  hash TEXT NOT NULL,
  transaction_id TEXT NOT NULL,
  parent_run TEXT,
  parent_step TEXT,
  state TEXT NOT NULL,
  input TEXT,
  context TEXT NOT NULL,
  result TEXT,
  error TEXT,
  cancelled TEXT,
  signals INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  keep_until INTEGER
);

CREATE UNIQUE INDEX runs_id ON runs (id);
CREATE UNIQUE INDEX runs_live ON runs (group_name, workflow, transaction_id) WHERE state IN ('invoking', 'compensating');
CREATE INDEX runs_transaction ON runs (transaction_id, workflow);
CREATE INDEX runs_workflow ON runs (workflow, no);
CREATE INDEX runs_undone ON runs (state, no) WHERE state IN ('reverted', 'failed');
CREATE INDEX runs_parent ON runs (parent_run) WHERE parent_run IS NOT NULL;
-- Each run that has ended is in one of them.
CREATE INDEX runs_kept ON runs (keep_until) WHERE keep_until IS NOT NULL;
CREATE INDEX runs_ended ON runs (ended_at) WHERE ended_at IS NOT NULL AND keep_until IS NULL;

-- One row an attempt. position: in which order they were first written
-- wait_kind: response, time, event, run; wait_name: the event's name, or the child run's id; wait: the event's filter
CREATE TABLE run_steps (
  run INTEGER NOT NULL,
  step TEXT NOT NULL,
  phase TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  position INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  at INTEGER NOT NULL,
  ms INTEGER NOT NULL,
  input TEXT,
  output TEXT,
  undo TEXT,
  error TEXT,
  due_at INTEGER,
  wait_kind TEXT,
  wait_name TEXT,
  wait TEXT,
  worker INTEGER NOT NULL,
  PRIMARY KEY (run, step, phase, attempt)
) WITHOUT ROWID;

CREATE INDEX run_steps_waits ON run_steps (wait_name, run, step) WHERE wait_kind = 'event' AND outcome = 'waiting';

-- Small things of the product's own.
CREATE TABLE records (
  collection TEXT NOT NULL,
  id TEXT NOT NULL,
  value TEXT NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (collection, id)
) WITHOUT ROWID;

-- Runs and schedules are claimed by their subscription, as deliveries are.
DROP INDEX jobs_system;
CREATE INDEX jobs_system ON jobs (group_name, due_at) WHERE state = 0 AND kind = 'replay';

-- The jobs of runs are deleted when these end, and a file gives the highest number again: this is the
-- highest that went so.
INSERT INTO meta (name, value) VALUES ('last_job', 0);
`,
  },
  {
    number: 3,
    name: "scopes",
    sql: `-- A run belongs to a scope, as an event does: '' is the default scope. Runs of one transaction id in two scopes are two.
ALTER TABLE runs ADD COLUMN scope TEXT NOT NULL DEFAULT '';

DROP INDEX runs_live;
CREATE UNIQUE INDEX runs_live ON runs (group_name, workflow, scope, transaction_id) WHERE state IN ('invoking', 'compensating');
DROP INDEX runs_transaction;
CREATE INDEX runs_transaction ON runs (transaction_id, workflow, scope);
CREATE INDEX runs_scope ON runs (scope, id);
`,
  },
]
