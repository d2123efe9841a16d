-- What those who hold runs write of them: records of attempts, ends, parks. No run stands here twice.
--
-- Texts come as one value a column, as in store.append; a column that is null everywhere is null. `p_of` names for each
-- record its run's place from 1, `p_end_of` for each end. An end's `closes`: 0 its job stays, 1 its job goes, 2 it has
-- ended before and only its job goes, 3 its job goes unless something is staged under its event group. `p_states` is [[place, state]], `p_parks` [[place, dueAt, reason, signals]].
--
-- A record that is there already is replaced only while it waits or may be tried again: when the same change comes twice,
-- it does not take back what a signal made of the attempt in between.
--
-- Answers [[signals, or -1 = fenced, of each], [places whose jobs wait again], [places whose ends woke a job], [places of
-- ends whose jobs stay for what is staged]].
CREATE OR REPLACE FUNCTION store.write_runs(p_now BIGINT, p_separator TEXT, p_nil TEXT,
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
  v_kept INTEGER[];
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
    IF 3 = ANY (p_end_closes) THEN
      v_kept := store.ends_with_staged(p_runs, v_signals, p_end_of, p_end_closes);
      p_end_closes := ARRAY(
        SELECT CASE WHEN e.closes <> 3 THEN e.closes WHEN e.place = ANY (v_kept) THEN 0 ELSE 1 END
        FROM unnest(p_end_of, p_end_closes) WITH ORDINALITY AS e (place, closes, ord) ORDER BY e.ord);
    END IF;
    SELECT e.signals, e.undone, e.woken INTO v_signals, v_parked, v_woken
    FROM store.end_runs(v_now, p_runs, p_jobs, v_signals, v_children, p_end_of, string_to_array(p_end_states, p_separator),
      string_to_array(p_end_results, p_separator, p_nil), string_to_array(p_end_errors, p_separator, p_nil), p_end_keeps,
      p_end_closes) e;
  END IF;
  IF p_parks IS NOT NULL THEN
    v_parked := v_parked || store.park_runs(v_now, p_runs, p_jobs, v_signals, p_parks);
  END IF;
  RETURN json_build_array(to_json(v_signals), to_json(v_parked), to_json(v_woken), to_json(v_kept));
END
$$;

-- Of ends whose jobs go unless something is staged: the places where something is. Another process may have staged it, of
-- which whoever ends the run knows nothing. One that had ended before has its job still, so that was so.
CREATE FUNCTION store.ends_with_staged(p_runs BIGINT[], p_signals INTEGER[], p_of INTEGER[], p_closes INTEGER[])
RETURNS INTEGER[] LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
BEGIN
  RETURN ARRAY(
    SELECT e.place FROM unnest(p_of, p_closes) AS e (place, closes)
    CROSS JOIN LATERAL (
      SELECT r.ended_at, r.context::json ->> 'eventGroupId' AS event_group FROM store.runs r
      WHERE r.no = p_runs[e.place] OFFSET 0) o
    WHERE e.closes = 3 AND p_signals[e.place] >= 0
      AND (o.ended_at IS NOT NULL OR EXISTS (SELECT 1 FROM store.staged s WHERE s.event_group = o.event_group)));
END
$$;
