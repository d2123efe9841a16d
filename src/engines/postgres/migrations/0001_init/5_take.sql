-- Open batches of a group, oldest first, each under the next epoch, with the events of their commits.
--
-- All of an index is said in its order: with equality alone the planner may walk the primary key instead, which knows
-- all that is closed as well.
--
-- `p_from` is where the last take stopped, class by class: below it nothing is open but what came late or
-- was freed, which a thorough take finds. The dead entries that an old snapshot keeps in the index are
-- not waded through each time.
CREATE FUNCTION store.take_batches(p_worker INTEGER, p_group TEXT, p_most INTEGER, p_priorities SMALLINT[], p_from BIGINT[])
RETURNS TABLE (no BIGINT, epoch INTEGER, takes INTEGER, version INTEGER, priority SMALLINT, commit_id TEXT, events INTEGER,
  indexes TEXT, names TEXT, ats TEXT, data TEXT, scopes TEXT, senders TEXT, keys TEXT, extras TEXT, ids TEXT, plain BOOLEAN)
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE
  v_nos BIGINT[] := '{}';
  v_more BIGINT[];
  i INTEGER;
BEGIN
  -- A lease that a crash of the server takes back is no loss: what it was for is open again.
  PERFORM set_config('synchronous_commit', 'off', true);
  IF NOT store.hold_worker(p_worker) THEN RETURN; END IF;
  FOR i IN 1 .. cardinality(p_priorities) LOOP
    EXIT WHEN cardinality(v_nos) >= p_most;
    SELECT array_agg(x.no ORDER BY x.no) INTO v_more FROM (
      SELECT b.no FROM store.batches b
      WHERE b.state = 0 AND (b.group_name, b.priority, b.no) >= (p_group, p_priorities[i], p_from[i])
        AND (b.group_name, b.priority) <= (p_group, p_priorities[i])
      ORDER BY b.group_name, b.priority, b.no LIMIT p_most - cardinality(v_nos) FOR UPDATE SKIP LOCKED) x;
    v_nos := v_nos || v_more;
  END LOOP;
  IF cardinality(v_nos) = 0 THEN RETURN; END IF;
  RETURN QUERY
  WITH taken AS (
    UPDATE store.batches b SET state = 1, worker = p_worker, epoch = b.epoch + 1, takes = b.takes + 1
    WHERE b.no = ANY (v_nos)
    RETURNING b.no, b.epoch, b.takes, b.priority, b.commit_id
  )
  SELECT t.no, t.epoch, t.takes,
    (SELECT c.catalog_version FROM store.commits c WHERE c.commit_id = t.commit_id), t.priority, t.commit_id, e.*
  FROM taken t CROSS JOIN LATERAL store.events_of(t.commit_id) e
  ORDER BY array_position(v_nos, t.no);
END
$$;

-- The events of a commit, a value a column, as they were sent: lines, with a sign that no cell holds for null.
CREATE FUNCTION store.events_of(p_commit TEXT)
RETURNS TABLE (events INTEGER, indexes TEXT, names TEXT, ats TEXT, data TEXT, scopes TEXT, senders TEXT, keys TEXT, extras TEXT,
  ids TEXT, plain BOOLEAN) LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE
  r RECORD;
BEGIN
  SELECT count(*)::integer AS events, string_agg(e.idx::text, ',' ORDER BY e.idx) AS indexes,
    string_agg(e.name, E'\n' ORDER BY e.idx) AS names, string_agg(e.at::text, ',' ORDER BY e.idx) AS ats,
    string_agg(coalesce(e.data, ''), E'\n' ORDER BY e.idx) AS data,
    bool_and(e.scope = '' AND e.sender IS NULL AND e.key IS NULL AND e.extra IS NULL AND e.id IS NULL)
      AND bool_and(position(E'\n' IN e.name) = 0) AS plain
  INTO r FROM store.events e WHERE e.commit_id = p_commit;
  IF r.plain OR r.events = 0 THEN
    RETURN QUERY SELECT r.events, r.indexes, r.names, r.ats, r.data, NULL::text, NULL::text, NULL::text, NULL::text, NULL::text, true;
  ELSE
    -- What may hold anything comes as JSON.
    RETURN QUERY SELECT r.events, r.indexes, json_agg(e.name ORDER BY e.idx)::text, r.ats, r.data,
      json_agg(e.scope ORDER BY e.idx)::text, json_agg(e.sender ORDER BY e.idx)::text,
      json_agg(e.key ORDER BY e.idx)::text, string_agg(coalesce(e.extra, ''), E'\n' ORDER BY e.idx),
      json_agg(e.id ORDER BY e.idx)::text, false
    FROM store.events e WHERE e.commit_id = p_commit;
  END IF;
END
$$;

-- Open parts of subscriptions with room, oldest first.
CREATE FUNCTION store.take_parts(p_worker INTEGER, p_subscriptions INTEGER[], p_free INTEGER[], p_priorities SMALLINT[])
RETURNS TABLE (no BIGINT, epoch INTEGER, takes INTEGER, version INTEGER, priority SMALLINT, subscription INTEGER, replay INTEGER,
  refs TEXT) LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE
  v_room INTEGER;
  v_part RECORD;
  i INTEGER;
  v_class SMALLINT;
BEGIN
  -- A lease that a crash of the server takes back is no loss: what it was for is open again.
  PERFORM set_config('synchronous_commit', 'off', true);
  IF NOT store.hold_worker(p_worker) THEN RETURN; END IF;
  FOR i IN 1 .. cardinality(p_subscriptions) LOOP
    v_room := p_free[i];
    FOREACH v_class IN ARRAY p_priorities LOOP
      EXIT WHEN v_room <= 0;
      FOR v_part IN
        SELECT p.no, p.size FROM store.parts p
        WHERE p.state = 0 AND (p.subscription, p.priority) >= (p_subscriptions[i], v_class)
          AND (p.subscription, p.priority) <= (p_subscriptions[i], v_class)
        ORDER BY p.subscription, p.priority, p.no LIMIT ceil(v_room / 50.0)::integer FOR UPDATE SKIP LOCKED
      LOOP
        EXIT WHEN v_room <= 0;
        v_room := v_room - v_part.size;
        RETURN QUERY
        UPDATE store.parts p SET state = 1, worker = p_worker, epoch = p.epoch + 1, takes = p.takes + 1
        WHERE p.no = v_part.no
        RETURNING p.no, p.epoch, p.takes, p.catalog_version, p.priority, p.subscription, p.replay, p.refs;
      END LOOP;
    END LOOP;
  END LOOP;
END
$$;
