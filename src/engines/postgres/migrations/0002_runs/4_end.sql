-- Ends of runs, and the jobs of those that have nothing left to do. `undone` are places of runs that were cancelled before
-- their workers had heard of it: whoever cancelled one was told that it will be undone, so it waits for that. `signals`
-- becomes -1 where an end is fenced, 0 where it was written before by this very change.
CREATE FUNCTION store.end_runs(p_now BIGINT, p_runs BIGINT[], p_jobs BIGINT[], p_signals INTEGER[], p_children BOOLEAN,
  p_of INTEGER[], p_states TEXT[], p_results TEXT[], p_errors TEXT[], p_keeps BIGINT[], p_closes INTEGER[],
  OUT signals INTEGER[], OUT undone INTEGER[], OUT woken INTEGER[]) LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
  v_ended INTEGER[] := '{}';
  v_closed BIGINT[];
  v_undone BOOLEAN;
  v_place INTEGER;
BEGIN
  signals := p_signals;
  FOR i IN 1 .. cardinality(p_of) LOOP
    v_place := p_of[i];
    CONTINUE WHEN p_signals[v_place] < 0 OR p_closes[i] = 2;
    UPDATE store.runs r
    SET state = CASE WHEN p_states[i] = 'done' AND r.cancelled IS NOT NULL THEN 'compensating' ELSE p_states[i] END,
        result = p_results[i], error = p_errors[i],
        ended_at = CASE WHEN p_states[i] = 'done' AND r.cancelled IS NOT NULL THEN NULL ELSE p_now END,
        keep_until = CASE WHEN p_states[i] = 'done' AND r.cancelled IS NOT NULL THEN NULL ELSE p_keeps[i] END
    WHERE r.no = p_runs[v_place] AND r.ended_at IS NULL
    RETURNING r.ended_at IS NULL INTO v_undone;
    CONTINUE WHEN NOT FOUND;
    v_ended := v_ended || v_place;
    IF v_undone THEN
      undone := undone || v_place;
    ELSIF p_closes[i] = 1 THEN
      v_closed := v_closed || p_jobs[v_place];
    END IF;
  END LOOP;
  IF v_closed IS NOT NULL THEN DELETE FROM store.jobs j WHERE j.no = ANY (v_closed); END IF;
  IF undone IS NOT NULL THEN
    PERFORM store.wait_again(p_now, p_jobs[u.place]) FROM unnest(undone) AS u (place);
  END IF;
  IF p_children AND cardinality(v_ended) > 0 THEN
    woken := store.wake_parents(p_now, p_runs,
      ARRAY(SELECT e.place FROM unnest(v_ended) AS e (place) WHERE e.place <> ALL (coalesce(undone, '{}'))));
  END IF;
  IF cardinality(v_ended) = cardinality(p_of) THEN RETURN; END IF;

  FOR i IN 1 .. cardinality(p_of) LOOP
    v_place := p_of[i];
    CONTINUE WHEN v_place = ANY (v_ended);
    signals[v_place] := CASE
      WHEN p_closes[i] = 2 THEN store.close_run(p_now, p_runs[v_place], p_jobs[v_place], p_signals[v_place] >= 0)
      -- What ended it may be this very change, whose answer was lost.
      WHEN p_signals[v_place] >= 0 AND EXISTS (SELECT 1 FROM store.runs r
        WHERE r.no = p_runs[v_place] AND r.state = p_states[i] AND r.ended_at IS NOT NULL) THEN 0
      WHEN p_signals[v_place] < 0 AND p_closes[i] = 1 AND EXISTS (SELECT 1 FROM store.runs r
        WHERE r.no = p_runs[v_place] AND r.state = p_states[i] AND r.result IS NOT DISTINCT FROM p_results[i]
          AND r.ended_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM store.jobs j WHERE j.id = r.id)) THEN 0
      ELSE -1 END;
  END LOOP;
END
$$;

-- Nothing is left to do of a run that has ended; one that is to be undone since then waits for who undoes it.
CREATE FUNCTION store.close_run(p_now BIGINT, p_run BIGINT, p_job BIGINT, p_held BOOLEAN) RETURNS INTEGER LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
  v_run RECORD;
BEGIN
  SELECT r.id, r.ended_at IS NOT NULL AS ended INTO v_run FROM store.runs r WHERE r.no = p_run FOR UPDATE;
  IF NOT p_held THEN
    RETURN CASE WHEN v_run.ended AND NOT EXISTS (SELECT 1 FROM store.jobs j WHERE j.id = v_run.id) THEN 0 ELSE -1 END;
  END IF;
  IF v_run.ended THEN
    DELETE FROM store.jobs j WHERE j.no = p_job;
  ELSE
    PERFORM store.wait_again(p_now, p_job);
  END IF;
  RETURN 0;
END
$$;

-- What came to its own end did not kill the process: it is no suspect any more. The last lease that ended so stands in
-- `attempt`.
CREATE FUNCTION store.wait_again(p_now BIGINT, p_job BIGINT) RETURNS VOID LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
BEGIN
  UPDATE store.jobs j SET state = 0, reason = 'woken', lease = NULL, due_at = p_now, crashes = 0, isolated = 0,
    attempt = epoch, updated_at = p_now
  WHERE j.no = p_job;
END
$$;

-- The runs that wait for the ends of these. Each end counts, and they look again now; answers the places that woke one.
CREATE FUNCTION store.wake_parents(p_now BIGINT, p_runs BIGINT[], p_ended INTEGER[]) RETURNS INTEGER[] LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
  v_woken INTEGER[] := '{}';
  v_run RECORD;
BEGIN
  FOR v_run IN
    SELECT c.parent_run AS id, count(*) AS ends, array_agg(e.place) AS places
    FROM unnest(p_ended) AS e (place) CROSS JOIN LATERAL (
      SELECT r.parent_run FROM store.runs r WHERE r.no = p_runs[e.place] AND r.parent_run IS NOT NULL OFFSET 0) c
    GROUP BY c.parent_run ORDER BY c.parent_run
  LOOP
    UPDATE store.runs r SET signals = r.signals + v_run.ends WHERE r.id = v_run.id AND r.ended_at IS NULL;
    CONTINUE WHEN NOT FOUND;
    UPDATE store.jobs j SET due_at = p_now, reason = 'woken', updated_at = p_now
    WHERE j.id = v_run.id AND j.kind = 'run' AND j.state + 0 = 0 AND j.due_at > p_now;
    IF FOUND THEN v_woken := v_woken || v_run.places; END IF;
  END LOOP;
  RETURN v_woken;
END
$$;

-- Runs that have nothing to do for now, unless somebody has signalled what their workers have not seen. Their rows are
-- locked: a signal comes either before that, or finds the job waiting. Until somebody wakes it is UNTIL_WOKEN of
-- src/engines/sql/run-rows.ts.
CREATE FUNCTION store.park_runs(p_now BIGINT, p_runs BIGINT[], p_jobs BIGINT[], p_signals INTEGER[], p_parks JSON)
RETURNS INTEGER[] LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
  v_parked INTEGER[] := '{}';
  v_park RECORD;
BEGIN
  FOR v_park IN
    SELECT (p.value ->> 0)::integer AS place, (p.value ->> 1)::bigint AS due_at, p.value ->> 2 AS reason,
      (p.value ->> 3)::integer AS signals
    FROM json_array_elements(p_parks) AS p
  LOOP
    CONTINUE WHEN p_signals[v_park.place] < 0;
    UPDATE store.jobs j
    SET state = 0, lease = NULL, crashes = 0, isolated = 0, attempt = epoch, updated_at = p_now,
        due_at = greatest(coalesce(v_park.due_at, 140737488355328), p_now), reason = v_park.reason
    WHERE j.no = p_jobs[v_park.place]
      AND v_park.signals = (SELECT r.signals FROM store.runs r WHERE r.no = p_runs[v_park.place]);
    IF FOUND THEN v_parked := v_parked || v_park.place; END IF;
  END LOOP;
  RETURN v_parked;
END
$$;
