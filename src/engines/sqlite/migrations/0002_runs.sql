-- state: invoking, compensating (live), done, reverted, failed (ended)
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
