-- Deletes runs that have ended and are kept no longer, with their steps, until so many rows are gone. One that still has
-- a job is not over, and a child may have to be undone as long as its parent is kept. `more` = there may be others:
-- what was theirs goes next.
CREATE FUNCTION store.prune_runs(p_now BIGINT, p_before BIGINT, p_limit INTEGER, OUT runs INTEGER, OUT more BOOLEAN)
LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
  v_nos BIGINT[];
  v_no BIGINT;
  v_rows INTEGER := 0;
  v_steps INTEGER;
BEGIN
  runs := 0;
  v_nos := ARRAY(
    (SELECT r.no FROM store.runs r
     WHERE r.keep_until <= p_now AND r.ended_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM store.jobs j WHERE j.id = r.id)
       AND (r.parent_run IS NULL OR NOT EXISTS (SELECT 1 FROM store.runs p WHERE p.id = r.parent_run))
     ORDER BY r.keep_until LIMIT p_limit)
    UNION ALL
    (SELECT r.no FROM store.runs r
     WHERE r.ended_at < p_before AND r.ended_at IS NOT NULL AND r.keep_until IS NULL
       AND NOT EXISTS (SELECT 1 FROM store.jobs j WHERE j.id = r.id)
       AND (r.parent_run IS NULL OR NOT EXISTS (SELECT 1 FROM store.runs p WHERE p.id = r.parent_run))
     ORDER BY r.ended_at LIMIT p_limit));
  FOREACH v_no IN ARRAY v_nos LOOP
    IF v_rows >= p_limit THEN
      more := true;
      RETURN;
    END IF;
    -- Somebody may want it undone just now.
    DELETE FROM store.runs r WHERE r.no = v_no AND r.ended_at IS NOT NULL;
    CONTINUE WHEN NOT FOUND;
    DELETE FROM store.run_steps s WHERE s.run = v_no;
    GET DIAGNOSTICS v_steps = ROW_COUNT;
    v_rows := v_rows + 1 + v_steps;
    runs := runs + 1;
  END LOOP;
  more := runs > 0;
END
$$;
