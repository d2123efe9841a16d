-- A run belongs to a scope, as an event does: '' is the default scope. Runs of one transaction id in two scopes are two.
ALTER TABLE runs ADD COLUMN scope TEXT NOT NULL DEFAULT '';

DROP INDEX runs_live;
CREATE UNIQUE INDEX runs_live ON runs (group_name, workflow, scope, transaction_id) WHERE state IN ('invoking', 'compensating');
DROP INDEX runs_transaction;
CREATE INDEX runs_transaction ON runs (transaction_id, workflow, scope);
CREATE INDEX runs_scope ON runs (scope, id);
