-- What those who hold runs write of them: records of attempts, ends, parks. No run stands here twice.
--
-- Texts come as one value a column, as in store.append; a column that is null everywhere is null. `p_of` names for each
-- record its run's place from 1, `p_end_of` for each end. An end's `closes`: 0 its job stays, 1 its job goes, 2 it has
-- ended before and only its job goes. `p_states` is [[place, state]], `p_parks` [[place, dueAt, reason, signals]].
--
-- A record that is there already is replaced only while it waits or may be tried again: when the same change comes twice,
-- it does not take back what a signal made of the attempt in between.
--
-- Answers [[signals, or -1 = fenced, of each], [places whose jobs wait again], [places whose ends woke a job]].
CREATE FUNCTION store.write_runs(p_now BIGINT, p_separator TEXT, p_nil TEXT,
  p_runs BIGINT[], p_jobs BIGINT[], p_workers INTEGER[], p_epochs INTEGER[],
  p_of INTEGER[], p_steps TEXT, p_phases TEXT, p_attempts INTEGER[], p_outcomes TEXT, p_ats BIGINT[], p_lengths BIGINT[],
  p_inputs TEXT, p_outputs TEXT, p_undos TEXT, p_errors TEXT, p_dues BIGINT[], p_wait_kinds TEXT, p_wait_names TEXT,
  p_waits TEXT, p_record_workers INTEGER[],
  p_end_of INTEGER[], p_end_states TEXT, p_end_results TEXT, p_end_errors TEXT, p_end_keeps BIGINT[], p_end_closes INTEGER[],
  p_states JSON, p_parks JSON) RETURNS JSON LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
  v_now BIGINT := store.now_ms(p_now);
  v_signals INTEGER[];
  v_children BOOLEAN;
  v_count INTEGER;
  v_state RECORD;
  v_parked INTEGER[];
  v_woken INTEGER[];
BEGIN
  -- Who is joined now stays so until this is written: what he holds is his.
  PERFORM store.hold_workers(p_workers);
  -- OFFSET keeps what is looked up for each row from being joined to all: of tables that were empty once, the planner
  -- would rather read an index through.
  SELECT array_agg(coalesce(h.signals, -1) ORDER BY u.ord), bool_or(h.parent_run IS NOT NULL) INTO v_signals, v_children
  FROM unnest(p_runs, p_jobs, p_workers, p_epochs) WITH ORDINALITY AS u (run, job, worker, epoch, ord)
  LEFT JOIN LATERAL (
    SELECT r.signals, r.parent_run FROM store.jobs j JOIN store.runs r ON r.no = u.run AND r.id = j.id
    WHERE j.no = u.job AND j.worker = u.worker AND j.epoch = u.epoch AND j.state + 0 = 1 OFFSET 0) h ON true;

  IF p_of IS NOT NULL THEN
    INSERT INTO store.run_steps (run, step, phase, attempt, outcome, at, ms, input, output, undo, error, due_at,
      wait_kind, wait_name, wait, worker)
    SELECT p_runs[s.place], s.step, coalesce(s.phase, 'invoke'), coalesce(s.attempt, 1), coalesce(s.outcome, 'done'), s.at,
      s.ms, s.input, s.output, s.undo, s.error, s.due_at, s.wait_kind, s.wait_name, s.wait, s.worker
    FROM unnest(p_of, string_to_array(p_steps, p_separator), string_to_array(p_phases, p_separator), p_attempts,
        string_to_array(p_outcomes, p_separator), p_ats, p_lengths, string_to_array(p_inputs, p_separator, p_nil),
        string_to_array(p_outputs, p_separator, p_nil), string_to_array(p_undos, p_separator, p_nil),
        string_to_array(p_errors, p_separator, p_nil), p_dues, string_to_array(p_wait_kinds, p_separator, p_nil),
        string_to_array(p_wait_names, p_separator, p_nil), string_to_array(p_waits, p_separator, p_nil), p_record_workers)
      AS s (place, step, phase, attempt, outcome, at, ms, input, output, undo, error, due_at, wait_kind, wait_name, wait,
        worker)
    WHERE v_signals[s.place] >= 0
      AND NOT EXISTS (SELECT 1 FROM store.run_steps o
        WHERE o.run = p_runs[s.place] AND o.step = s.step AND o.phase = coalesce(s.phase, 'invoke')
          AND o.attempt = coalesce(s.attempt, 1) OFFSET 0);
    GET DIAGNOSTICS v_count = ROW_COUNT;
    IF v_count < cardinality(p_of) THEN
      INSERT INTO store.run_steps AS o (run, step, phase, attempt, outcome, at, ms, input, output, undo, error, due_at,
        wait_kind, wait_name, wait, worker)
      SELECT p_runs[s.place], s.step, coalesce(s.phase, 'invoke'), coalesce(s.attempt, 1), coalesce(s.outcome, 'done'), s.at,
        s.ms, s.input, s.output, s.undo, s.error, s.due_at, s.wait_kind, s.wait_name, s.wait, s.worker
      FROM unnest(p_of, string_to_array(p_steps, p_separator), string_to_array(p_phases, p_separator), p_attempts,
          string_to_array(p_outcomes, p_separator), p_ats, p_lengths, string_to_array(p_inputs, p_separator, p_nil),
          string_to_array(p_outputs, p_separator, p_nil), string_to_array(p_undos, p_separator, p_nil),
          string_to_array(p_errors, p_separator, p_nil), p_dues, string_to_array(p_wait_kinds, p_separator, p_nil),
          string_to_array(p_wait_names, p_separator, p_nil), string_to_array(p_waits, p_separator, p_nil), p_record_workers)
        AS s (place, step, phase, attempt, outcome, at, ms, input, output, undo, error, due_at, wait_kind, wait_name, wait,
          worker)
      WHERE v_signals[s.place] >= 0
      ON CONFLICT (run, step, phase, attempt) DO UPDATE
      SET outcome = excluded.outcome, at = excluded.at, ms = excluded.ms, input = excluded.input, output = excluded.output,
        undo = excluded.undo, error = excluded.error, due_at = excluded.due_at, wait_kind = excluded.wait_kind,
        wait_name = excluded.wait_name, wait = excluded.wait, worker = excluded.worker
      WHERE (o.outcome = 'waiting' OR o.outcome = 'failed' AND excluded.outcome <> 'waiting')
        AND (o.outcome, o.at, o.ms, o.input, o.output, o.undo, o.error, o.due_at, o.wait_kind, o.wait_name, o.wait, o.worker)
          IS DISTINCT FROM (excluded.outcome, excluded.at, excluded.ms, excluded.input, excluded.output, excluded.undo,
            excluded.error, excluded.due_at, excluded.wait_kind, excluded.wait_name, excluded.wait, excluded.worker);
    END IF;
  END IF;

  IF v_children AND p_end_of IS NOT NULL OR p_parks IS NOT NULL THEN
    PERFORM store.lock_runs(ARRAY(
      SELECT p_runs[e.place] FROM unnest(p_end_of) AS e (place)
      UNION ALL SELECT p_runs[(p.value ->> 0)::integer] FROM json_array_elements(p_parks) AS p));
  END IF;
  IF p_states IS NOT NULL THEN
    FOR v_state IN SELECT (s.value ->> 0)::integer AS place, s.value ->> 1 AS state FROM json_array_elements(p_states) AS s LOOP
      UPDATE store.runs r SET state = v_state.state
      WHERE r.no = p_runs[v_state.place] AND v_signals[v_state.place] >= 0 AND r.ended_at IS NULL;
    END LOOP;
  END IF;
  IF p_end_of IS NOT NULL THEN
    SELECT e.signals, e.undone, e.woken INTO v_signals, v_parked, v_woken
    FROM store.end_runs(v_now, p_runs, p_jobs, v_signals, v_children, p_end_of, string_to_array(p_end_states, p_separator),
      string_to_array(p_end_results, p_separator, p_nil), string_to_array(p_end_errors, p_separator, p_nil), p_end_keeps,
      p_end_closes) e;
  END IF;
  IF p_parks IS NOT NULL THEN
    v_parked := v_parked || store.park_runs(v_now, p_runs, p_jobs, v_signals, p_parks);
  END IF;
  RETURN json_build_array(to_json(v_signals), to_json(v_parked), to_json(v_woken));
END
$$;

-- Runs and those that wait for their ends, in one order: nobody who writes of several waits for another who does.
CREATE FUNCTION store.lock_runs(p_runs BIGINT[]) RETURNS VOID LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
  v_parents BIGINT[] := ARRAY(
    SELECT (SELECT p.no FROM store.runs p WHERE p.id = c.parent_run)
    FROM unnest(p_runs) AS u (no) CROSS JOIN LATERAL (
      SELECT r.parent_run FROM store.runs r WHERE r.no = u.no AND r.parent_run IS NOT NULL OFFSET 0) c);
BEGIN
  PERFORM 1 FROM store.runs r WHERE r.no = ANY (p_runs || v_parents) ORDER BY r.no FOR UPDATE;
END
$$;

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

-- What came to its own end did not kill the process: it is no suspect any more.
CREATE FUNCTION store.wait_again(p_now BIGINT, p_job BIGINT) RETURNS VOID LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
BEGIN
  UPDATE store.jobs j SET state = 0, reason = 'woken', lease = NULL, due_at = p_now, crashes = 0, isolated = 0, updated_at = p_now
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
    SET state = 0, lease = NULL, crashes = 0, isolated = 0, updated_at = p_now,
        due_at = greatest(coalesce(v_park.due_at, 140737488355328), p_now), reason = v_park.reason
    WHERE j.no = p_jobs[v_park.place]
      AND v_park.signals = (SELECT r.signals FROM store.runs r WHERE r.no = p_runs[v_park.place]);
    IF FOUND THEN v_parked := v_parked || v_park.place; END IF;
  END LOOP;
  RETURN v_parked;
END
$$;
