-- The three tables that are partitioned get the same days. A day is made beside the tables and then hung
-- in, which holds nobody up. Only their owner may do that: an app whose role does not migrate has its rights here.
CREATE FUNCTION store.make_day(p_day TEXT, p_low TEXT, p_high TEXT) RETURNS VOID LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  v_table TEXT;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('store.days', 0));
  FOREACH v_table IN ARRAY ARRAY['commits', 'commit_names', 'events'] LOOP
    CONTINUE WHEN to_regclass(format('store.%I', v_table || '_' || p_day)) IS NOT NULL;
    PERFORM store.make_part_of_day(v_table, v_table || '_' || p_day, p_low, p_high);
    EXECUTE format('ALTER TABLE store.%I ATTACH PARTITION store.%I FOR VALUES FROM (%L) TO (%L)',
      v_table, v_table || '_' || p_day, p_low, p_high);
  END LOOP;
END
$$;

CREATE FUNCTION store.make_part_of_day(p_table TEXT, p_name TEXT, p_low TEXT, p_high TEXT) RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
  -- The check spares the look through the rows when it is hung in.
  EXECUTE format('CREATE TABLE store.%I (LIKE store.%I INCLUDING ALL, CHECK (commit_id >= %L AND commit_id < %L))',
    p_name, p_table, p_low, p_high);
END
$$;

-- A day that is past retention goes as a whole; what open work and dead letters still speak of is copied
-- into its place first. Answers how many events that deleted.
CREATE FUNCTION store.drop_day(p_day TEXT, p_low TEXT, p_high TEXT) RETURNS BIGINT LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  v_table TEXT;
  v_needed TEXT[];
  v_before BIGINT;
  v_kept BIGINT := 0;
  v_commits BIGINT;
BEGIN
  PERFORM set_config('lock_timeout', '100ms', true);
  PERFORM pg_advisory_xact_lock(hashtextextended('store.days', 0));
  SELECT coalesce(array_agg(DISTINCT n.commit_id), '{}') INTO v_needed FROM (
    SELECT b.commit_id FROM store.batches b WHERE b.commit_id >= p_low AND b.commit_id < p_high
    UNION ALL
    SELECT substr(j.id, 5, 26) FROM store.jobs j WHERE j.id >= 'dlv_' || p_low AND j.id < 'dlv_' || p_high
    UNION ALL
    SELECT r.ref ->> 0 FROM store.parts p, json_array_elements(p.refs::json) AS r (ref)
    WHERE p.state < 2 AND p.last_commit >= p_low AND p.first_commit < p_high
  ) n WHERE n.commit_id >= p_low AND n.commit_id < p_high;
  SELECT coalesce(sum(events), 0), count(*) INTO v_before, v_commits FROM store.commits
  WHERE commit_id >= p_low AND commit_id < p_high;
  IF v_commits > 0 AND v_commits = cardinality(v_needed) THEN RETURN 0; END IF;
  FOREACH v_table IN ARRAY ARRAY['commits', 'commit_names', 'events'] LOOP
    IF cardinality(v_needed) > 0 THEN
      PERFORM store.make_part_of_day(v_table, v_table || '_' || p_day || '_kept', p_low, p_high);
      EXECUTE format('INSERT INTO store.%I SELECT * FROM store.%I WHERE commit_id = ANY ($1)',
        v_table || '_' || p_day || '_kept', v_table || '_' || p_day) USING v_needed;
    END IF;
    EXECUTE format('ALTER TABLE store.%I DETACH PARTITION store.%I', v_table, v_table || '_' || p_day);
    EXECUTE format('DROP TABLE store.%I', v_table || '_' || p_day);
    IF cardinality(v_needed) > 0 THEN
      EXECUTE format('ALTER TABLE store.%I RENAME TO %I', v_table || '_' || p_day || '_kept', v_table || '_' || p_day);
      EXECUTE format('ALTER TABLE store.%I ATTACH PARTITION store.%I FOR VALUES FROM (%L) TO (%L)',
        v_table, v_table || '_' || p_day, p_low, p_high);
    END IF;
  END LOOP;
  SELECT coalesce(sum(events), 0) INTO v_kept FROM store.commits WHERE commit_id >= p_low AND commit_id < p_high;
  RETURN v_before - v_kept;
END
$$;

REVOKE EXECUTE ON FUNCTION store.make_day(TEXT, TEXT, TEXT), store.drop_day(TEXT, TEXT, TEXT) FROM PUBLIC;

-- Deletes whole commits in which nothing is open, oldest first; looks at so many and no more.
CREATE FUNCTION store.prune_commits(p_from TEXT, p_to TEXT, p_limit INTEGER, OUT events INTEGER, OUT batches INTEGER,
  OUT next TEXT) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE
  v_commits TEXT[];
  v_gone TEXT[] := '{}';
  v_looked INTEGER := 0;
  c RECORD;
BEGIN
  events := 0;
  FOR c IN SELECT o.commit_id, o.events FROM store.commits o
    WHERE o.commit_id >= p_from AND o.commit_id < p_to ORDER BY o.commit_id LIMIT p_limit
  LOOP
    IF events >= p_limit THEN
      next := c.commit_id;
      EXIT;
    END IF;
    v_looked := v_looked + 1;
    IF v_looked = p_limit THEN next := c.commit_id || '~'; END IF;
    CONTINUE WHEN EXISTS (SELECT 1 FROM store.batches b WHERE b.commit_id = c.commit_id AND b.state < 2)
      OR EXISTS (SELECT 1 FROM store.jobs j WHERE j.id >= 'dlv_' || c.commit_id AND j.id < 'dlv_' || c.commit_id || '~')
      OR EXISTS (SELECT 1 FROM store.parts p WHERE p.state < 2 AND p.last_commit >= c.commit_id AND p.first_commit <= c.commit_id);
    v_gone := v_gone || c.commit_id;
    events := events + c.events;
  END LOOP;
  DELETE FROM store.commit_names WHERE commit_id = ANY (v_gone);
  DELETE FROM store.events WHERE commit_id = ANY (v_gone);
  DELETE FROM store.batches WHERE commit_id = ANY (v_gone);
  GET DIAGNOSTICS batches = ROW_COUNT;
  DELETE FROM store.commits WHERE commit_id = ANY (v_gone);
END
$$;

-- How much there is; of very many commits the planner's estimate.
CREATE FUNCTION store.stats(OUT events BIGINT, OUT open_batches BIGINT, OUT open_parts BIGINT, OUT open_jobs BIGINT,
  OUT dead_jobs BIGINT, OUT staged BIGINT, OUT bytes BIGINT) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  IF (SELECT sum(c.reltuples) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = 'store.commits'::regclass) > 200000 THEN
    SELECT sum(greatest(c.reltuples, 0))::bigint INTO events FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'store.events'::regclass;
  ELSE
    SELECT coalesce(sum(c.events), 0) INTO events FROM store.commits c;
  END IF;
  open_batches := (SELECT count(*) FROM store.batches WHERE state = 0) + (SELECT count(*) FROM store.batches WHERE state = 1);
  open_parts := (SELECT count(*) FROM store.parts WHERE state = 0) + (SELECT count(*) FROM store.parts WHERE state = 1);
  open_jobs := (SELECT count(*) FROM store.jobs WHERE state = 0 AND key IS NULL AND isolated = 0)
    + (SELECT count(*) FROM store.jobs WHERE state = 0 AND isolated = 1)
    + (SELECT count(*) FROM store.jobs WHERE state < 2 AND state = 0 AND key IS NOT NULL AND isolated = 0)
    + (SELECT count(*) FROM store.jobs WHERE state = 1);
  dead_jobs := (SELECT count(*) FROM store.jobs WHERE state = 3);
  staged := (SELECT count(*) FROM store.staged);
  SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) INTO bytes FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = (SELECT s.nspname FROM pg_class t JOIN pg_namespace s ON s.oid = t.relnamespace
    WHERE t.oid = 'store.meta'::regclass) AND c.relkind IN ('r', 't', 'm');
END
$$;
