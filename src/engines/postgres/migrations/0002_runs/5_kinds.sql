-- What is said of jobs now holds for runs and schedules, too: only replays are claimed apart from all subscriptions, a
-- run dies of crashes as a delivery does, and nobody cancels a run because its workflow is not deployed just now.

-- Jobs that are due, of subscriptions with free slots, each under the next epoch.
--
-- `p_cursors` remembers for each subscription where its last claim stopped: {"scope": …, "round": {…}, "marks":
-- {"class/scope": due_at}, "lease": …}. Somewhat before a mark nothing waits but what came late or was freed,
-- which a thorough claim finds. The last row has no number: it says when to come again, and the cursors.
CREATE OR REPLACE FUNCTION store.claim(p_now BIGINT, p_worker INTEGER, p_group TEXT, p_subscriptions INTEGER[], p_free INTEGER[],
  p_limits JSONB, p_priorities SMALLINT[], p_isolated BOOLEAN, p_system INTEGER, p_thorough BOOLEAN, p_cursors JSONB)
RETURNS TABLE (no BIGINT, epoch INTEGER, kind TEXT, id TEXT, subscription INTEGER, job_scope TEXT, job_key TEXT,
  job_priority SMALLINT, attempt INTEGER, crashes INTEGER, isolated SMALLINT, replay INTEGER, history TEXT, job_data TEXT,
  commit_id TEXT, idx INTEGER, name TEXT, scope TEXT, sender TEXT, key TEXT, at BIGINT, data TEXT, extra TEXT, event_id TEXT,
  next_due_at BIGINT, cursors JSONB) LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE
  v_now BIGINT := store.now_ms(p_now);
  v_jobs store.jobs[] := '{}';
  v_suspect store.jobs;
  v_system BIGINT[];
  v_due BIGINT;
  v_cursors JSONB := p_cursors;
  c RECORD;
  i INTEGER;
BEGIN
  -- A lease that a crash of the server takes back is no loss: what it was for is open again.
  PERFORM set_config('synchronous_commit', 'off', true);
  IF NOT store.hold_worker(p_worker) THEN RETURN; END IF;

  IF p_system > 0 THEN
    v_system := ARRAY(
      SELECT j.no FROM store.jobs j
      WHERE j.state = 0 AND j.kind = 'replay' AND j.group_name = p_group AND j.due_at <= v_now
      ORDER BY j.due_at LIMIT p_system FOR UPDATE SKIP LOCKED);
    IF cardinality(v_system) > 0 THEN v_jobs := store.lease_jobs(v_now, p_worker, v_system); END IF;
  END IF;

  -- Its slot is taken before the others take them all, but it is handed out last: it may ask to be alone.
  IF p_isolated THEN
    SELECT * INTO c FROM store.claim_isolated(v_now, p_worker, p_subscriptions, p_limits);
    v_suspect := c.job;
    v_due := least(v_due, c.due_at);
  END IF;

  FOR i IN 1 .. cardinality(p_subscriptions) LOOP
    SELECT * INTO c FROM store.claim_subscription(v_now, p_worker, p_subscriptions[i], p_free[i],
      p_limits -> p_subscriptions[i]::text, p_priorities, p_thorough, coalesce(v_cursors -> p_subscriptions[i]::text, '{}'));
    v_jobs := v_jobs || c.jobs;
    v_due := least(v_due, c.due_at);
    v_cursors := jsonb_set(v_cursors, ARRAY[p_subscriptions[i]::text], c.cursor);
  END LOOP;
  IF v_suspect.no IS NOT NULL THEN v_jobs := v_jobs || v_suspect; END IF;

  IF cardinality(v_jobs) > 0 THEN
    -- Their bounds tell the planner which days to look at.
    SELECT min(j.commit_id) AS low, max(j.commit_id) AS high INTO c FROM unnest(v_jobs) AS j;
    RETURN QUERY
    SELECT l.no, l.epoch, l.kind, l.id, l.subscription, l.scope, l.key, l.priority, l.attempt, l.crashes, l.isolated,
      l.replay, l.history, l.data, e.commit_id, e.idx, e.name, e.scope, e.sender, e.key, e.at, e.data, e.extra, e.id,
      NULL::bigint, NULL::jsonb
    FROM unnest(v_jobs) AS l LEFT JOIN LATERAL (
      SELECT * FROM store.events e WHERE e.commit_id = l.commit_id AND e.idx = l.idx
      AND e.commit_id >= c.low AND e.commit_id <= c.high LIMIT 1) e ON true;
  END IF;
  RETURN QUERY SELECT NULL::bigint, 0, NULL::text, NULL::text, 0, NULL::text, NULL::text, 0::smallint, 0, 0, 0::smallint, 0,
    NULL::text, NULL::text, NULL::text, 0, NULL::text, NULL::text, NULL::text, NULL::text, 0::bigint, NULL::text, NULL::text,
    NULL::text, v_due, v_cursors;
END
$$;

-- Is there anything for this worker? It reads a few index entries and leases nothing.
CREATE OR REPLACE FUNCTION store.peek(p_now BIGINT, p_worker INTEGER, p_group TEXT, p_subscriptions INTEGER[],
  OUT work BOOLEAN, OUT released BOOLEAN, OUT due_at BIGINT, OUT catalog_version BIGINT) LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
  v_now BIGINT := store.now_ms(p_now);
  v_subscription INTEGER;
  v_due BIGINT;
BEGIN
  catalog_version := (SELECT value FROM store.meta WHERE name = 'catalog_version');
  -- One worker does it; what lies for long is everybody's.
  released := EXISTS (SELECT 1 FROM store.staged WHERE event_group = '')
    AND (p_worker = (SELECT min(no) FROM store.workers WHERE expires_at > v_now)
      OR EXISTS (SELECT 1 FROM store.staged WHERE event_group = '' AND at < v_now - 5000));
  work := EXISTS (SELECT 1 FROM store.batches WHERE state = 0 AND group_name = p_group)
    OR EXISTS (SELECT 1 FROM store.jobs WHERE state = 0 AND kind = 'replay' AND group_name = p_group AND jobs.due_at <= v_now);
  FOREACH v_subscription IN ARRAY p_subscriptions LOOP
    EXIT WHEN work;
    work := EXISTS (SELECT 1 FROM store.parts WHERE state = 0 AND subscription = v_subscription)
      OR EXISTS (SELECT 1 FROM store.jobs WHERE state < 2 AND key IS NOT NULL AND subscription = v_subscription);
    due_at := least(due_at, store.first_due(v_subscription));
    SELECT min(j.due_at) INTO v_due FROM store.jobs j
    WHERE j.state = 0 AND j.isolated = 1 AND j.subscription = v_subscription;
    due_at := least(due_at, v_due);
  END LOOP;
  IF due_at <= v_now THEN
    work := true;
    due_at := NULL;
  END IF;
END
$$;

-- A dead worker's work is free again; what it held when it died carries a mark. The 2 crashes before isolation and
-- the 5 before death are those of src/core/batch.ts.
CREATE OR REPLACE FUNCTION store.bury(p_now BIGINT, p_worker INTEGER) RETURNS INTEGER LANGUAGE plpgsql
SET enable_seqscan = off SET jit = off AS $$
DECLARE
  v_freed INTEGER := 0;
  v_count INTEGER;
  v_suspect BIGINT;
  v_mark INTEGER := 1;
BEGIN
  UPDATE store.batches SET state = 0, worker = NULL WHERE worker = p_worker AND state = 1;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  v_freed := v_freed + v_count;
  UPDATE store.parts SET state = 0, worker = NULL WHERE worker = p_worker AND state = 1;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  v_freed := v_freed + v_count;

  -- Only one isolated job runs in a process: the one claimed last is the suspect. Those before it had
  -- ended and were about to be settled, and what ran beside it is innocent.
  SELECT no INTO v_suspect FROM store.jobs
  WHERE worker = p_worker AND state = 1 AND isolated = 1 ORDER BY updated_at DESC, no DESC LIMIT 1;
  IF FOUND THEN
    v_mark := 0;
    v_freed := v_freed + 1;
    -- Who kills processes from outside does it again soon: a suspect waits longer after each crash.
    UPDATE store.jobs
    SET crashes = crashes + 1, worker = NULL, lease = NULL, updated_at = p_now,
        due_at = p_now + 1000 * (1 << greatest(0, crashes - 2)),
        state = CASE WHEN crashes + 1 >= 5 THEN 3 ELSE 0 END,
        reason = CASE WHEN crashes + 1 >= 5 THEN 'crashed worker' ELSE 'isolated' END,
        error = CASE WHEN crashes + 1 >= 5 THEN 'crashed worker' ELSE error END,
        history = store.history_with(history, json_build_object('at', p_now, 'ms', 0, 'outcome', 'crashed', 'error',
          'crashed worker', 'worker', p_worker, 'attempt', attempt + 1)::text, attempt + 1)
    WHERE no = v_suspect;
  END IF;

  UPDATE store.jobs
  SET state = 0, worker = NULL, lease = NULL, reason = 'retry', updated_at = p_now, crashes = crashes + v_mark,
      isolated = CASE WHEN crashes + v_mark >= 2 THEN 1 ELSE isolated END
  WHERE worker = p_worker AND state = 1 AND kind IN ('delivery', 'run');
  GET DIAGNOSTICS v_count = ROW_COUNT;
  v_freed := v_freed + v_count;
  -- The product's own jobs run no code of the user's: a crash is never theirs.
  UPDATE store.jobs SET state = 0, worker = NULL, lease = NULL, reason = 'queued', updated_at = p_now
  WHERE worker = p_worker AND state = 1;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  v_freed := v_freed + v_count;

  PERFORM store.end_ephemeral(p_now, p_worker);
  DELETE FROM store.workers WHERE no = p_worker;
  RETURN v_freed;
END
$$;

CREATE OR REPLACE FUNCTION store.cancel_waiting(p_now BIGINT, p_subscription INTEGER) RETURNS INTEGER LANGUAGE plpgsql AS $$
DECLARE
  v_jobs INTEGER;
  v_parts INTEGER;
BEGIN
  -- As the partial indexes know them: what has ended, which is most, is not waded through.
  UPDATE store.jobs SET state = 4, reason = 'subscription removed', updated_at = p_now
  WHERE no IN (
    SELECT no FROM store.jobs WHERE subscription = p_subscription AND kind <> 'run' AND state = 0 AND key IS NULL AND isolated = 0
    UNION ALL SELECT no FROM store.jobs WHERE subscription = p_subscription AND kind <> 'run' AND state = 0 AND isolated = 1
    UNION ALL SELECT no FROM store.jobs WHERE subscription = p_subscription AND kind <> 'run' AND state = 0 AND key IS NOT NULL AND isolated = 0);
  GET DIAGNOSTICS v_jobs = ROW_COUNT;
  WITH closed AS (
    UPDATE store.parts SET state = 2, closed_at = p_now, outcome = '"cancelled"'
    WHERE subscription = p_subscription AND state = 0 RETURNING size
  )
  SELECT coalesce(sum(size), 0) INTO v_parts FROM closed;
  RETURN v_jobs + v_parts;
END
$$;

-- One heartbeat: it keeps the lease, buries the dead, sweeps up what they left, and looks for work.
CREATE OR REPLACE FUNCTION store.heartbeat(p_now BIGINT, p_worker INTEGER, p_group TEXT, p_lease_ms BIGINT, p_handles TEXT,
  p_subscriptions INTEGER[], p_dead INTEGER[], p_host TEXT, p_recover BOOLEAN,
  OUT alive BOOLEAN, OUT freed INTEGER, OUT work BOOLEAN, OUT released BOOLEAN, OUT due_at BIGINT, OUT now BIGINT,
  OUT neighbours JSON, OUT catalog_version BIGINT)
LANGUAGE plpgsql AS $$
DECLARE
  v_now BIGINT := store.now_ms(p_now);
  v_subscription INTEGER;
BEGIN
  UPDATE store.workers SET seen_at = v_now, expires_at = v_now + p_lease_ms, handles = p_handles WHERE no = p_worker;
  alive := FOUND;
  freed := CASE WHEN p_recover THEN store.bury_dead(v_now, p_dead) ELSE 0 END;
  SELECT json_agg(json_build_object('no', no, 'pid', pid, 'name', name)) INTO neighbours
  FROM store.workers WHERE host = p_host AND no <> p_worker;
  FOR v_subscription IN
    SELECT s.no FROM store.subscriptions s
    WHERE s.worker IS NOT NULL AND NOT EXISTS (SELECT 1 FROM store.workers w WHERE w.no = s.worker)
      AND EXISTS (SELECT 1 FROM store.subscription_versions v WHERE v.subscription = s.no AND v.to_version IS NULL)
  LOOP
    PERFORM store.end_subscription(v_now, v_subscription);
  END LOOP;
  FOR v_subscription IN
    SELECT s.no FROM store.subscriptions s
    WHERE NOT EXISTS (SELECT 1 FROM store.subscription_versions v WHERE v.subscription = s.no AND v.to_version IS NULL)
      -- The runs of a workflow are left, and may be many: they are not looked through for anything else.
      AND NOT (s.id LIKE 'workflow:%' AND EXISTS (SELECT 1 FROM store.subscription_versions v
        WHERE v.subscription = s.no AND v.definition::json -> 'target' ->> 'kind' = 'workflow'))
      AND (EXISTS (SELECT 1 FROM store.parts p WHERE p.subscription = s.no AND p.state = 0)
        OR EXISTS (SELECT 1 FROM store.jobs j WHERE j.subscription = s.no AND j.kind <> 'run' AND j.state = 0 AND j.key IS NULL AND j.isolated = 0)
        OR EXISTS (SELECT 1 FROM store.jobs j WHERE j.subscription = s.no AND j.kind <> 'run' AND j.state = 0 AND j.isolated = 1)
        OR EXISTS (SELECT 1 FROM store.jobs j WHERE j.subscription = s.no AND j.kind <> 'run' AND j.state < 2 AND j.state = 0 AND j.key IS NOT NULL))
  LOOP
    PERFORM store.cancel_waiting(v_now, v_subscription);
  END LOOP;
  SELECT p.work, p.released, p.due_at, p.catalog_version INTO work, released, due_at, catalog_version FROM store.peek(p_now, p_worker, p_group, p_subscriptions) p;
  now := v_now;
END
$$;
