-- A run belongs to a scope, as an event does: '' is the default scope. Runs of one transaction id in two scopes are two.
ALTER TABLE store.runs ADD COLUMN scope TEXT COLLATE "C" NOT NULL DEFAULT '';

DROP INDEX store.runs_live;
CREATE UNIQUE INDEX runs_live ON store.runs (group_name, workflow, scope, transaction_id) WHERE state IN ('invoking', 'compensating');
DROP INDEX store.runs_transaction;
CREATE INDEX runs_transaction ON store.runs (transaction_id, workflow, scope, no);
CREATE INDEX runs_scope ON store.runs (scope, id);
