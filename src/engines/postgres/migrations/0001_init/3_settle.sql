CREATE FUNCTION store.insert_parts(p_now BIGINT, p_parts JSON) RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO store.parts (group_name, subscription, replay, priority, reason, catalog_version, refs, size,
    first_commit, last_commit, state, worker, epoch, takes, created_at)
  SELECT p.group_name, p.subscription, p.replay, p.priority, p.reason, p.catalog_version, p.refs, p.size,
    p.first_commit, p.last_commit, 0, NULL, 0, 0, p_now
  FROM json_to_recordset(p_parts) AS p (group_name TEXT, subscription INTEGER, replay INTEGER, priority SMALLINT,
    reason TEXT, catalog_version INTEGER, refs TEXT, size INTEGER, first_commit TEXT, last_commit TEXT);
END
$$;

-- Jobs that continue deliveries of batches; one that is there already is left as it is, and its number
-- comes back as 0, unless this very commit was tried before: then it is ours.
CREATE FUNCTION store.insert_continued(p_now BIGINT, p_worker INTEGER, p_jobs JSON) RETURNS JSON LANGUAGE plpgsql AS $$
DECLARE
  v_rows JSON;
BEGIN
  WITH wanted AS (
    SELECT j.*, row_number() OVER () AS ord
    FROM json_to_recordset(p_jobs) AS j (id TEXT, group_name TEXT, subscription INTEGER, commit_id TEXT, idx INTEGER,
      replay INTEGER, scope TEXT, key TEXT, priority SMALLINT, state SMALLINT, reason TEXT, due_at BIGINT,
      attempt INTEGER, crashes INTEGER, isolated SMALLINT, error TEXT, history TEXT)
  ), written AS (
    INSERT INTO store.jobs (id, kind, group_name, subscription, commit_id, idx, replay, scope, key, priority, state,
      reason, due_at, attempt, crashes, isolated, worker, epoch, lease, created_at, updated_at, error, history)
    SELECT w.id, 'delivery', w.group_name, w.subscription, w.commit_id, w.idx, w.replay, w.scope, w.key, w.priority,
      w.state, w.reason, greatest(w.due_at, p_now), w.attempt, w.crashes, w.isolated,
      CASE WHEN w.state = 1 THEN p_worker END, CASE WHEN w.state = 1 THEN 1 ELSE 0 END,
      CASE WHEN w.state = 1 THEN nextval('store.leases') END, p_now, p_now, w.error, w.history
    FROM wanted w ORDER BY w.ord
    ON CONFLICT (id) DO NOTHING
    RETURNING no, id, epoch
  )
  SELECT json_agg(json_build_array(coalesce(i.no, 0), coalesce(i.epoch, 0)) ORDER BY w.ord) INTO v_rows
  FROM wanted w LEFT JOIN written i ON i.id = w.id;
  RETURN v_rows;
END
$$;

-- Batches and parts come to their end, and what is not done in them goes on as jobs and parts.
-- Answers for each: 0 = fenced, 1 = closed, or the rows of its jobs.
CREATE FUNCTION store.settle_batches(p_now BIGINT, p_settles JSON) RETURNS JSON LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
  v_now BIGINT := store.now_ms(p_now);
  v_results JSON[] := '{}';
  s RECORD;
  v_closed BOOLEAN;
  v_again BOOLEAN;
BEGIN
  FOR s IN SELECT * FROM json_to_recordset(p_settles) AS x (part BOOLEAN, no BIGINT, worker INTEGER, epoch INTEGER,
    outcome TEXT, jobs JSON, parts JSON)
  LOOP
    v_again := false;
    IF s.part THEN
      UPDATE store.parts SET state = 2, closed_at = v_now, outcome = s.outcome
      WHERE no = s.no AND worker = s.worker AND epoch = s.epoch AND state + 0 = 1;
      v_closed := FOUND;
      IF NOT v_closed THEN
        v_again := EXISTS (SELECT 1 FROM store.parts
          WHERE no = s.no AND worker = s.worker AND epoch = s.epoch AND state + 0 = 2 AND outcome = s.outcome);
      END IF;
    ELSE
      UPDATE store.batches SET state = 2, closed_at = v_now, outcome = s.outcome
      WHERE no = s.no AND worker = s.worker AND epoch = s.epoch AND state + 0 = 1;
      v_closed := FOUND;
      IF NOT v_closed THEN
        v_again := EXISTS (SELECT 1 FROM store.batches
          WHERE no = s.no AND worker = s.worker AND epoch = s.epoch AND state + 0 = 2 AND outcome = s.outcome);
      END IF;
    END IF;
    IF v_closed THEN
      IF s.parts IS NOT NULL THEN PERFORM store.insert_parts(v_now, s.parts); END IF;
      v_results := v_results || CASE WHEN s.jobs IS NULL THEN '1'::json
        ELSE store.insert_continued(v_now, s.worker, s.jobs) END;
    ELSIF v_again THEN
      -- What closed it may be this very change, whose answer was lost: then all that it wrote is there.
      v_results := v_results || CASE WHEN s.jobs IS NULL THEN '1'::json
        ELSE coalesce(store.recall_jobs(s.worker, s.jobs), '0'::json) END;
    ELSE
      v_results := v_results || '0'::json;
    END IF;
  END LOOP;
  RETURN to_json(v_results);
END
$$;

-- The rows that an earlier try of the same commit made for these jobs, 0 for one that was born leased and is
-- not held under that lease any more; null where one is missing.
CREATE FUNCTION store.recall_jobs(p_worker INTEGER, p_jobs JSON) RETURNS JSON LANGUAGE sql AS $$
  SELECT CASE WHEN bool_and(j.no IS NOT NULL) THEN json_agg(
    CASE WHEN w.state <> 1 THEN json_build_array(j.no, 0)
      WHEN j.state = 1 AND j.worker = p_worker AND j.epoch = 1 THEN json_build_array(j.no, 1)
      ELSE json_build_array(0, 0) END ORDER BY w.ord) END
  FROM (SELECT x.id, x.state, row_number() OVER () AS ord
        FROM json_to_recordset(p_jobs) AS x (id TEXT, state SMALLINT)) w
  LEFT JOIN store.jobs j ON j.id = w.id
$$;

CREATE FUNCTION store.history_with(p_history TEXT, p_record TEXT, p_attempt INTEGER) RETURNS TEXT LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN p_record IS NULL THEN p_history
    WHEN p_history IS NULL THEN '[' || p_record || ']'
    WHEN p_attempt <= 50 THEN left(p_history, -1) || ',' || p_record || ']'
    ELSE (SELECT '[' || string_agg(r.value::text, ',' ORDER BY r.ord) || ']'
          FROM (SELECT value, ord FROM json_array_elements((left(p_history, -1) || ',' || p_record || ']')::json)
                WITH ORDINALITY AS e (value, ord) ORDER BY ord DESC LIMIT 50) r)
  END
$$;

-- `state + 0`: a row that is named by its number is to be found by its number. With `state = 1` the planner may walk
-- all that is leased instead, because at the moment of ANALYZE mostly nothing is.
--
-- Attempts of jobs come to their end. Text comes as one value with a separator and a sign for null.
-- Answers the places, from 1, of those that were fenced.
CREATE FUNCTION store.settle_jobs(p_now BIGINT, p_separator TEXT, p_nil TEXT, p_nos BIGINT[], p_workers INTEGER[],
  p_epochs INTEGER[], p_states SMALLINT[], p_dues BIGINT[], p_attempts INTEGER[], p_unordered BOOLEAN[],
  p_acquitted BOOLEAN[], p_reasons TEXT, p_errors TEXT, p_records TEXT) RETURNS INTEGER[] LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
  v_now BIGINT := store.now_ms(p_now);
  v_done INTEGER[];
  v_fenced INTEGER[];
BEGIN
  WITH settled AS (
    UPDATE store.jobs j
    SET state = u.state, reason = u.reason, due_at = coalesce(u.due, v_now), attempt = coalesce(u.attempt, j.attempt),
        error = u.error, updated_at = v_now, lease = NULL,
        key = CASE WHEN u.unordered THEN NULL ELSE j.key END,
        crashes = CASE WHEN u.acquitted THEN 0 ELSE j.crashes END,
        isolated = CASE WHEN u.acquitted THEN 0 ELSE j.isolated END,
        history = CASE WHEN u.record IS NULL THEN j.history
          WHEN j.history IS NULL THEN '[' || u.record || ']'
          ELSE store.history_with(j.history, u.record, u.attempt) END
    FROM unnest(p_nos, p_workers, p_epochs, p_states, p_dues, p_attempts, p_unordered, p_acquitted,
        string_to_array(p_reasons, p_separator, p_nil), string_to_array(p_errors, p_separator, p_nil),
        string_to_array(p_records, p_separator, p_nil)) WITH ORDINALITY
      AS u (no, worker, epoch, state, due, attempt, unordered, acquitted, reason, error, record, ord)
    WHERE j.no = u.no AND j.worker = u.worker AND j.epoch = u.epoch AND j.state + 0 = 1
    RETURNING u.ord
  )
  SELECT array_agg(ord) INTO v_done FROM settled;
  IF cardinality(v_done) = cardinality(p_nos) THEN RETURN '{}'; END IF;
  SELECT coalesce(array_agg(u.ord), '{}') INTO v_fenced
  FROM unnest(p_nos, p_workers, p_epochs, p_states) WITH ORDINALITY AS u (no, worker, epoch, state, ord)
  WHERE NOT (u.ord = ANY (coalesce(v_done, '{}')))
    AND NOT EXISTS (SELECT 1 FROM store.jobs j
      WHERE j.no = u.no AND j.worker = u.worker AND j.epoch = u.epoch AND j.state + 0 = u.state);
  RETURN v_fenced;
END
$$;

CREATE FUNCTION store.mark_job(p_now BIGINT, p_no BIGINT, p_worker INTEGER, p_epoch INTEGER, p_reason TEXT)
RETURNS BOOLEAN LANGUAGE plpgsql AS $$
BEGIN
  UPDATE store.jobs SET reason = p_reason, updated_at = store.now_ms(p_now)
  WHERE no = p_no AND worker = p_worker AND epoch = p_epoch AND state + 0 = 1;
  RETURN FOUND;
END
$$;

-- The next step of a replay; one that is there already (its cursor has come so far) is not made twice.
CREATE FUNCTION store.advance_replay(p_now BIGINT, p_no BIGINT, p_worker INTEGER, p_epoch INTEGER, p_cursor TEXT,
  p_made INTEGER, p_done BOOLEAN, p_parts JSON, p_jobs JSON) RETURNS BOOLEAN LANGUAGE plpgsql AS $$
DECLARE
  v_now BIGINT := store.now_ms(p_now);
  v_job store.jobs;
BEGIN
  SELECT * INTO v_job FROM store.jobs WHERE no = p_no AND worker = p_worker AND epoch = p_epoch FOR UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  IF v_job.data::json ->> 'cursor' = p_cursor AND (NOT p_done OR v_job.state = 2) THEN RETURN true; END IF;
  IF v_job.state <> 1 THEN RETURN false; END IF;
  UPDATE store.jobs
  SET data = (v_job.data::jsonb || jsonb_build_object('cursor', p_cursor, 'made', p_made))::text,
      state = CASE WHEN p_done THEN 2 ELSE 1 END, reason = CASE WHEN p_done THEN 'delivered' ELSE 'running' END,
      updated_at = v_now
  WHERE no = p_no;
  IF p_parts IS NOT NULL THEN PERFORM store.insert_parts(v_now, p_parts); END IF;
  IF p_jobs IS NOT NULL THEN PERFORM store.insert_continued(v_now, p_worker, p_jobs); END IF;
  RETURN true;
END
$$;
