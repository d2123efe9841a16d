-- Writes runs and the jobs that lease them. One that is there already, by its id or as the one that is to be joined,
-- is given back instead.
--
-- Texts come as one value a column, as in store.append. `p_joins`: 0 live, 1 also done, 2 any; null = live, all of them.
-- `p_scopes` null = all are in the default scope, as is each that has none.
-- Answers {"nos": […], "jobs": […], "epochs": […], "old": null | [[index, no, job, epoch, state, isNew, id]]}.
CREATE FUNCTION store.start_scoped_runs(p_now BIGINT, p_separator TEXT, p_nil TEXT, p_ids TEXT, p_groups TEXT, p_workflows TEXT,
  p_hashes TEXT, p_transactions TEXT, p_parents TEXT, p_parent_steps TEXT, p_inputs TEXT, p_contexts TEXT,
  p_subscriptions INTEGER[], p_priorities SMALLINT[], p_dues BIGINT[], p_workers INTEGER[], p_joins INTEGER[],
  p_scopes TEXT)
RETURNS JSON LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
  v_now BIGINT := store.now_ms(p_now);
  v_ids TEXT[] := string_to_array(p_ids, p_separator);
  v_groups TEXT[] := string_to_array(p_groups, p_separator);
  v_workflows TEXT[] := string_to_array(p_workflows, p_separator);
  v_transactions TEXT[] := string_to_array(p_transactions, p_separator);
  v_count INTEGER := cardinality(v_ids);
  v_scopes TEXT[] := CASE WHEN p_scopes IS NULL THEN array_fill(''::text, ARRAY[v_count])
    ELSE string_to_array(p_scopes, p_separator) END;
  v_held INTEGER[] := store.hold_workers(p_workers);
  v_nos BIGINT[] := ARRAY(SELECT nextval('store.runs_no_seq') FROM generate_series(1, v_count));
  v_jobs BIGINT[] := ARRAY(SELECT nextval('store.jobs_no_seq') FROM generate_series(1, v_count));
  v_epochs INTEGER[] := ARRAY(SELECT CASE WHEN p_workers[n.i] = ANY (v_held) THEN 1 ELSE 0 END
    FROM generate_series(1, v_count) AS n (i));
  v_open BOOLEAN[] := array_fill(true, ARRAY[v_count]);
  v_written BIGINT[];
  v_less BIGINT[];
  v_instead JSON;
  v_old JSON[];
  v_tries INTEGER := 0;
BEGIN
  LOOP
    -- In the order of what is unique: two that start the same at one time do not wait for each other.
    WITH written AS (
      INSERT INTO store.runs (no, started_at, subscription, signals, id, group_name, workflow, hash, transaction_id,
        parent_run, parent_step, state, input, context, scope)
      SELECT u.no, v_now, u.subscription, 0, u.id, u.group_name, u.workflow, u.hash, u.transaction_id, u.parent_run,
        u.parent_step, 'invoking', u.input, u.context, u.scope
      FROM unnest(v_open, v_nos, v_ids, v_groups, v_workflows, string_to_array(p_hashes, p_separator), v_transactions,
          string_to_array(p_parents, p_separator, p_nil), string_to_array(p_parent_steps, p_separator, p_nil),
          string_to_array(p_inputs, p_separator, p_nil), string_to_array(p_contexts, p_separator), p_subscriptions, v_scopes)
        AS u (open, no, id, group_name, workflow, hash, transaction_id, parent_run, parent_step, input, context, subscription,
          scope)
      WHERE u.open
      ORDER BY u.transaction_id, u.workflow, u.scope, u.group_name
      ON CONFLICT DO NOTHING
      RETURNING no
    )
    SELECT coalesce(array_agg(w.no), '{}') INTO v_written FROM written w;

    IF p_joins IS NOT NULL AND cardinality(v_written) > 0 THEN
      -- Looked at only now: one that ended while this one came in is seen.
      v_less := ARRAY(
        SELECT u.no FROM unnest(v_nos, v_groups, v_workflows, v_transactions, p_joins, v_scopes)
          AS u (no, group_name, workflow, transaction_id, joins, scope)
        CROSS JOIN LATERAL (
          SELECT r.state FROM store.runs r
          -- All of the index is said in its order, so that no other one will do.
          WHERE (r.transaction_id, r.workflow, r.scope, r.no) >= (u.transaction_id, u.workflow, u.scope, 0)
            AND (r.transaction_id, r.workflow, r.scope) <= (u.transaction_id, u.workflow, u.scope)
            AND r.group_name = u.group_name AND r.no <> u.no
          ORDER BY r.transaction_id DESC, r.workflow DESC, r.scope DESC, r.no DESC LIMIT 1) o
        WHERE u.joins = 2 OR u.joins = 1 AND o.state = 'done');
      IF cardinality(v_less) > 0 THEN
        DELETE FROM store.runs WHERE no = ANY (v_less) AND no = ANY (v_written);
        v_written := ARRAY(SELECT w.no FROM unnest(v_written) AS w (no) WHERE w.no <> ALL (v_less));
      END IF;
    END IF;

    INSERT INTO store.jobs (no, id, kind, group_name, subscription, commit_id, idx, replay, scope, key, priority, state,
      reason, due_at, attempt, crashes, isolated, worker, epoch, lease, created_at, updated_at)
    SELECT u.no, u.id, 'run', u.group_name, u.subscription, NULL, 0, 0, u.scope, NULL, coalesce(u.priority, 1), u.epoch,
      CASE WHEN u.epoch = 1 THEN 'running' ELSE 'queued' END, greatest(u.due, v_now), 0, 0, 0,
      CASE WHEN u.epoch = 1 THEN u.worker END, u.epoch, CASE WHEN u.epoch = 1 THEN nextval('store.leases') END, v_now, v_now
    FROM unnest(v_nos, v_jobs, v_ids, v_groups, p_subscriptions, p_priorities, p_dues, p_workers, v_epochs, v_scopes)
      AS u (run, no, id, group_name, subscription, priority, due, worker, epoch, scope)
    WHERE cardinality(v_written) = v_count OR u.run = ANY (v_written);
    EXIT WHEN cardinality(v_written) = v_count;

    FOR i IN 1 .. v_count LOOP
      CONTINUE WHEN NOT v_open[i];
      v_open[i] := NOT v_nos[i] = ANY (v_written);
      CONTINUE WHEN NOT v_open[i];
      v_instead := store.run_in_place(i - 1, v_ids[i], v_groups[i], v_workflows[i], v_transactions[i], v_scopes[i],
        p_workers[i], coalesce(p_joins[i], 0));
      CONTINUE WHEN v_instead IS NULL;
      v_old := v_old || v_instead;
      v_open[i] := false;
    END LOOP;
    EXIT WHEN NOT (true = ANY (v_open));
    v_tries := v_tries + 1;
    IF v_tries = 5 THEN
      RAISE EXCEPTION 'runs that were to be joined end all the time' USING ERRCODE = '40001';
    END IF;
  END LOOP;
  RETURN json_build_object('nos', v_nos, 'jobs', v_jobs, 'epochs', v_epochs, 'old', to_json(v_old));
END
$$;

-- The run that stands where one was not written: itself, when its start comes again, or the one that it joins; null when
-- that has ended meanwhile.
CREATE FUNCTION store.run_in_place(p_index INTEGER, p_id TEXT, p_group TEXT, p_workflow TEXT, p_transaction TEXT,
  p_scope TEXT, p_worker INTEGER, p_joins INTEGER) RETURNS JSON LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
  v_run RECORD;
BEGIN
  SELECT r.no, r.id, r.state INTO v_run FROM store.runs r WHERE r.id = p_id;
  IF NOT FOUND THEN
    SELECT r.no, r.id, r.state INTO v_run FROM store.runs r
    WHERE r.state IN ('invoking', 'compensating') AND r.group_name = p_group AND r.workflow = p_workflow
      AND r.scope = p_scope AND r.transaction_id = p_transaction;
    IF NOT FOUND THEN
      SELECT r.no, r.id, r.state INTO v_run FROM store.runs r
      WHERE (r.transaction_id, r.workflow, r.scope, r.no) >= (p_transaction, p_workflow, p_scope, 0)
        AND (r.transaction_id, r.workflow, r.scope) <= (p_transaction, p_workflow, p_scope) AND r.group_name = p_group
      ORDER BY r.transaction_id DESC, r.workflow DESC, r.scope DESC, r.no DESC LIMIT 1;
    END IF;
    IF NOT FOUND OR v_run.state IN ('reverted', 'failed') AND p_joins < 2 OR v_run.state = 'done' AND p_joins < 1 THEN
      RETURN NULL;
    END IF;
  END IF;
  RETURN (SELECT json_build_array(p_index, v_run.no, coalesce(j.no, 0),
      CASE WHEN j.state = 1 AND j.worker = p_worker AND j.epoch = 1 AND v_run.id = p_id THEN 1 ELSE 0 END,
      v_run.state, v_run.id = p_id, v_run.id)
    FROM (SELECT 1) one LEFT JOIN store.jobs j ON j.id = v_run.id);
END
$$;

-- Older processes know of no scopes: what they start is in the default scope, and they join nothing elsewhere. Who is in
-- the middle of it as it was still calls store.run_instead.
CREATE OR REPLACE FUNCTION store.start_runs(p_now BIGINT, p_separator TEXT, p_nil TEXT, p_ids TEXT, p_groups TEXT, p_workflows TEXT,
  p_hashes TEXT, p_transactions TEXT, p_parents TEXT, p_parent_steps TEXT, p_inputs TEXT, p_contexts TEXT,
  p_subscriptions INTEGER[], p_priorities SMALLINT[], p_dues BIGINT[], p_workers INTEGER[], p_joins INTEGER[])
RETURNS JSON LANGUAGE sql AS $$
  SELECT store.start_scoped_runs(p_now, p_separator, p_nil, p_ids, p_groups, p_workflows, p_hashes, p_transactions, p_parents,
    p_parent_steps, p_inputs, p_contexts, p_subscriptions, p_priorities, p_dues, p_workers, p_joins, NULL)
$$;
