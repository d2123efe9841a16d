-- Signals for runs that are as they mostly are: a step that waits is over, a run that goes on is to be undone, somebody is
-- to look again. `p_signals` is [{"run", "kind", "reason", "step", "phase", "outcome", "output", "undo", "error", "dueAt"}]. Answers
-- for each in its order how many jobs that woke.
--
-- Differs by necessity: it says the usual of src/engines/sql/run-signals.ts again, since a signal rides with many changes
-- that are one call. Where anything is unusual nothing is written, and that program has the word.
CREATE OR REPLACE FUNCTION store.signal_runs(p_now BIGINT, p_signals JSON) RETURNS JSON LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
  v_now BIGINT := store.now_ms(p_now);
  v_woken INTEGER[] := array_fill(0, ARRAY[json_array_length(p_signals)]);
  v_run RECORD;
  v_step RECORD;
  v_count INTEGER;
  s RECORD;
BEGIN
  -- Of several runs in one order, so that nobody who writes of the same ones waits for us and we for him.
  FOR s IN SELECT u.value ->> 'run' AS run, u.value ->> 'kind' AS kind, u.value AS signal, u.ord::integer AS ord
    FROM json_array_elements(p_signals) WITH ORDINALITY AS u (value, ord) ORDER BY 1, 4
  LOOP
    UPDATE store.runs r
    SET signals = r.signals + 1,
        cancelled = CASE WHEN s.kind = 'cancel' THEN coalesce(r.cancelled, s.signal ->> 'reason') ELSE r.cancelled END
    WHERE r.id = s.run AND (s.kind = 'wake' OR r.state = 'invoking' OR r.state = 'compensating' AND s.kind = 'step')
    RETURNING r.no INTO v_run;
    IF NOT FOUND THEN RAISE EXCEPTION 'a run is not as it mostly is' USING ERRCODE = 'CA005'; END IF;
    IF s.kind = 'step' THEN
      SELECT t.attempt, t.outcome INTO v_step FROM store.run_steps t
      WHERE t.run = v_run.no AND t.step = s.signal ->> 'step' AND t.phase = s.signal ->> 'phase'
      ORDER BY t.attempt DESC LIMIT 1;
      IF v_step.outcome IS DISTINCT FROM 'waiting' OR s.signal ->> 'outcome' = 'again' THEN
        RAISE EXCEPTION 'a step is not as it mostly is' USING ERRCODE = 'CA005';
      END IF;
      UPDATE store.run_steps t
      SET outcome = s.signal ->> 'outcome', ms = CASE WHEN t.at < v_now THEN v_now - t.at ELSE t.ms END,
          output = s.signal ->> 'output', undo = s.signal ->> 'undo', error = coalesce(s.signal ->> 'error', t.error),
          due_at = (s.signal ->> 'dueAt')::bigint, wait_kind = NULL, wait_name = NULL, wait = NULL
      WHERE t.run = v_run.no AND t.step = s.signal ->> 'step' AND t.phase = s.signal ->> 'phase' AND t.attempt = v_step.attempt;
    END IF;
    UPDATE store.jobs j SET due_at = v_now, reason = 'woken', updated_at = v_now
    WHERE j.id = s.run AND j.kind = 'run' AND j.state + 0 = 0 AND j.due_at > v_now;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    v_woken[s.ord] := v_count;
  END LOOP;
  RETURN to_json(v_woken);
END
$$;
