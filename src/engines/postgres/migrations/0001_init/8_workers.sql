-- Is there anything for this worker? It reads a few index entries and leases nothing.
CREATE FUNCTION store.peek(p_now BIGINT, p_worker INTEGER, p_group TEXT, p_subscriptions INTEGER[],
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
    OR EXISTS (SELECT 1 FROM store.jobs WHERE state = 0 AND kind <> 'delivery' AND group_name = p_group AND jobs.due_at <= v_now);
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

-- A new incarnation of a worker. `p_dead` are those of its host whose process is gone.
CREATE FUNCTION store.join_worker(p_now BIGINT, p_group TEXT, p_lease_ms BIGINT, p_name TEXT, p_host TEXT, p_pid INTEGER,
  p_dead INTEGER[], p_recover BOOLEAN) RETURNS INTEGER LANGUAGE plpgsql AS $$
DECLARE
  v_now BIGINT := store.now_ms(p_now);
  v_no INTEGER;
BEGIN
  IF p_recover THEN PERFORM store.bury_dead(v_now, p_dead); END IF;
  INSERT INTO store.workers (group_name, name, host, pid, started_at, seen_at, expires_at, handles)
  VALUES (p_group, p_name, p_host, p_pid, v_now, v_now, v_now + p_lease_ms, '[]')
  RETURNING no INTO v_no;
  RETURN v_no;
END
$$;

-- One heartbeat: it keeps the lease, buries the dead, sweeps up what they left, and looks for work.
CREATE FUNCTION store.heartbeat(p_now BIGINT, p_worker INTEGER, p_group TEXT, p_lease_ms BIGINT, p_handles TEXT,
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
      AND (EXISTS (SELECT 1 FROM store.parts p WHERE p.subscription = s.no AND p.state = 0)
        OR EXISTS (SELECT 1 FROM store.jobs j WHERE j.subscription = s.no AND j.state = 0 AND j.key IS NULL AND j.isolated = 0)
        OR EXISTS (SELECT 1 FROM store.jobs j WHERE j.subscription = s.no AND j.state = 0 AND j.isolated = 1)
        OR EXISTS (SELECT 1 FROM store.jobs j WHERE j.subscription = s.no AND j.state < 2 AND j.state = 0 AND j.key IS NOT NULL))
  LOOP
    PERFORM store.cancel_waiting(v_now, v_subscription);
  END LOOP;
  SELECT p.work, p.released, p.due_at, p.catalog_version INTO work, released, due_at, catalog_version FROM store.peek(p_now, p_worker, p_group, p_subscriptions) p;
  now := v_now;
END
$$;

-- Ends the wish and cancels what waits for it; answers how much that was.
--
-- Differs by necessity: as in src/engines/sql/catalog.ts, for heartbeats, which sweep up in one call.
CREATE FUNCTION store.end_subscription(p_now BIGINT, p_subscription INTEGER) RETURNS INTEGER LANGUAGE plpgsql AS $$
DECLARE
  v_version INTEGER;
BEGIN
  PERFORM store.lock_catalog();
  UPDATE store.meta SET value = value + 1 WHERE name = 'catalog_version' RETURNING value INTO v_version;
  UPDATE store.subscription_versions SET to_version = v_version WHERE subscription = p_subscription AND to_version IS NULL;
  RETURN store.cancel_waiting(p_now, p_subscription);
END
$$;

CREATE FUNCTION store.cancel_waiting(p_now BIGINT, p_subscription INTEGER) RETURNS INTEGER LANGUAGE plpgsql AS $$
DECLARE
  v_jobs INTEGER;
  v_parts INTEGER;
BEGIN
  -- As the partial indexes know them: what has ended, which is most, is not waded through.
  UPDATE store.jobs SET state = 4, reason = 'subscription removed', updated_at = p_now
  WHERE no IN (
    SELECT no FROM store.jobs WHERE subscription = p_subscription AND state = 0 AND key IS NULL AND isolated = 0
    UNION ALL SELECT no FROM store.jobs WHERE subscription = p_subscription AND state = 0 AND isolated = 1
    UNION ALL SELECT no FROM store.jobs WHERE subscription = p_subscription AND state = 0 AND key IS NOT NULL AND isolated = 0);
  GET DIAGNOSTICS v_jobs = ROW_COUNT;
  WITH closed AS (
    UPDATE store.parts SET state = 2, closed_at = p_now, outcome = '"cancelled"'
    WHERE subscription = p_subscription AND state = 0 RETURNING size
  )
  SELECT coalesce(sum(size), 0) INTO v_parts FROM closed;
  RETURN v_jobs + v_parts;
END
$$;

-- Workers whose lease is over, or whose process is gone, give up their work. One that is writing just now
-- is left for the next heartbeat: its commit either comes before its end or finds it dead.
CREATE FUNCTION store.bury_dead(p_now BIGINT, p_dead INTEGER[]) RETURNS INTEGER LANGUAGE plpgsql AS $$
DECLARE
  v_worker INTEGER;
  v_freed INTEGER := 0;
BEGIN
  FOR v_worker IN
    SELECT no FROM store.workers WHERE expires_at <= p_now OR no = ANY (p_dead) ORDER BY no FOR UPDATE SKIP LOCKED
  LOOP
    CONTINUE WHEN NOT pg_try_advisory_xact_lock(hashtext('store.worker'), v_worker);
    v_freed := v_freed + store.bury(p_now, v_worker);
  END LOOP;
  RETURN v_freed;
END
$$;

-- A dead worker's work is free again; what it held when it died carries a mark. The 2 crashes before isolation and
-- the 5 before death are those of src/core/batch.ts.
CREATE FUNCTION store.bury(p_now BIGINT, p_worker INTEGER) RETURNS INTEGER LANGUAGE plpgsql
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
  WHERE worker = p_worker AND state = 1 AND kind = 'delivery';
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

CREATE FUNCTION store.end_ephemeral(p_now BIGINT, p_worker INTEGER) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
  v_subscription INTEGER;
BEGIN
  FOR v_subscription IN
    SELECT s.no FROM store.subscriptions s
    JOIN store.subscription_versions v ON v.subscription = s.no AND v.to_version IS NULL
    WHERE s.worker = p_worker
  LOOP
    PERFORM store.end_subscription(p_now, v_subscription);
  END LOOP;
END
$$;

-- A clean stop: an orderly hand-back is nobody's crash, so the take is not counted.
CREATE FUNCTION store.leave(p_now BIGINT, p_worker INTEGER) RETURNS VOID LANGUAGE plpgsql
SET enable_seqscan = off SET jit = off AS $$
DECLARE
  v_now BIGINT := store.now_ms(p_now);
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('store.worker'), p_worker);
  UPDATE store.batches SET state = 0, worker = NULL, takes = takes - 1 WHERE worker = p_worker AND state = 1;
  UPDATE store.parts SET state = 0, worker = NULL, takes = takes - 1 WHERE worker = p_worker AND state = 1;
  UPDATE store.jobs SET state = 0, worker = NULL, lease = NULL, reason = 'queued', updated_at = v_now
  WHERE worker = p_worker AND state = 1;
  PERFORM store.end_ephemeral(v_now, p_worker);
  DELETE FROM store.workers WHERE no = p_worker;
END
$$;

-- What is under this worker's lease and unknown to it, because the answer that told it was lost, goes back. Only what
-- is older than that is looked at: what is on its way to the worker just now is not taken from it.
CREATE FUNCTION store.hand_back(p_now BIGINT, p_worker INTEGER, p_older_than_ms BIGINT, p_batches BIGINT[], p_parts BIGINT[],
  p_jobs BIGINT[]) RETURNS INTEGER LANGUAGE plpgsql
SET enable_seqscan = off SET jit = off AS $$
DECLARE
  v_now BIGINT := store.now_ms(p_now);
  v_before BIGINT := v_now - p_older_than_ms;
  v_count INTEGER;
  v_freed INTEGER := 0;
BEGIN
  UPDATE store.batches SET state = 0, worker = NULL, takes = takes - 1
  WHERE worker = p_worker AND state = 1 AND created_at <= v_before AND no <> ALL (p_batches);
  GET DIAGNOSTICS v_count = ROW_COUNT;
  v_freed := v_freed + v_count;
  UPDATE store.parts SET state = 0, worker = NULL, takes = takes - 1
  WHERE worker = p_worker AND state = 1 AND created_at <= v_before AND no <> ALL (p_parts);
  GET DIAGNOSTICS v_count = ROW_COUNT;
  v_freed := v_freed + v_count;
  UPDATE store.jobs SET state = 0, worker = NULL, lease = NULL, reason = 'queued', updated_at = v_now
  WHERE worker = p_worker AND state = 1 AND updated_at <= v_before AND no <> ALL (p_jobs);
  GET DIAGNOSTICS v_count = ROW_COUNT;
  RETURN v_freed + v_count;
END
$$;
