-- Writes the events of one commit with everything that routing decided for them, in one call.
--
-- Text comes as one value a column, its cells parted by a separator (nothing that a program can send is
-- cheaper to take apart), with a sign for null; a column that is null everywhere is not sent.
-- Answers {"status": "ok" | "stale" | "known", "batches": [[no, epoch]], "jobs": […], "rejected": […], …}.
CREATE FUNCTION store.append(p_now BIGINT, p_commit TEXT, p_again BOOLEAN, p_version INTEGER, p_worker INTEGER,
  p_separator TEXT, p_nil TEXT, p_count INTEGER, p_distinct_names TEXT, p_name_counts INTEGER[],
  p_names TEXT, p_ats TEXT, p_data TEXT, p_scopes TEXT, p_senders TEXT, p_keys TEXT, p_extras TEXT,
  p_ids TEXT, p_hashes TEXT, p_emits INTEGER[], p_distinct BOOLEAN,
  p_batch_group TEXT, p_batch_priority SMALLINT, p_batch_deliveries TEXT, p_batch_own BOOLEAN,
  p_batches JSON, p_parts JSON, p_jobs JSON, p_release_group TEXT, p_release TEXT, p_left INTEGER[]) RETURNS JSON LANGUAGE plpgsql AS $$
DECLARE
  v_now BIGINT := store.now_ms(p_now);
  v_worker INTEGER;
  v_left JSON;
  v_out BOOLEAN[];
  v_written INTEGER := p_count;
  v_batches JSONB;
  v_jobs JSON;
BEGIN
  v_worker := CASE WHEN store.hold_worker(p_worker) THEN p_worker END;
  PERFORM store.lock_catalog_shared();
  IF p_again AND EXISTS (SELECT 1 FROM store.commits WHERE commit_id = p_commit) THEN
    RETURN json_build_object('status', 'known');
  END IF;
  IF (SELECT value FROM store.meta WHERE name = 'catalog_version') <> p_version THEN
    RETURN json_build_object('status', 'stale');
  END IF;

  IF p_left IS NOT NULL THEN
    SELECT array_agg(n.i = ANY (p_left) ORDER BY n.i) INTO v_out FROM generate_series(0, p_count - 1) AS n (i);
    v_written := p_count - cardinality(p_left);
  END IF;
  IF p_ids IS NOT NULL OR p_release IS NOT NULL THEN
    v_left := store.leave_out(v_now, p_commit, p_count, p_emits, p_distinct, string_to_array(p_ids, p_separator, p_nil),
      string_to_array(p_scopes, p_separator, p_nil), string_to_array(p_hashes, p_separator, p_nil),
      p_release_group, string_to_array(p_release, ','));
    IF v_left IS NOT NULL THEN
      SELECT array_agg(x.ord IS NOT NULL OR coalesce(v_out[n.i + 1], false) ORDER BY n.i),
        count(*) FILTER (WHERE x.ord IS NULL AND NOT coalesce(v_out[n.i + 1], false)) INTO v_out, v_written
      FROM generate_series(0, p_count - 1) AS n (i)
      LEFT JOIN (SELECT DISTINCT value::text::integer AS ord FROM json_array_elements(v_left -> 'out')) x ON x.ord = n.i;
    END IF;
  END IF;
  IF v_written = 0 THEN
    RETURN json_build_object('status', 'ok', 'left', v_left);
  END IF;

  IF p_count = 1 AND v_out IS NULL THEN
    INSERT INTO store.events (at, idx, commit_id, name, scope, sender, key, data, extra, id)
    VALUES (p_ats::bigint, 0, p_commit, p_distinct_names, coalesce(p_scopes, ''), p_senders, p_keys, nullif(p_data, p_nil),
      p_extras, p_ids);
  ELSE
    INSERT INTO store.events (at, idx, commit_id, name, scope, sender, key, data, extra, id)
    SELECT u.at::bigint, (u.ord - 1)::integer, p_commit, coalesce(u.name, p_distinct_names), coalesce(u.scope, ''), u.sender,
      u.key, u.data, u.extra, u.id
    FROM unnest(string_to_array(p_names, p_separator), string_to_array(p_ats, ','),
        string_to_array(p_data, p_separator, p_nil), string_to_array(p_scopes, p_separator, p_nil),
        string_to_array(p_senders, p_separator, p_nil), string_to_array(p_keys, p_separator, p_nil),
        string_to_array(p_extras, p_separator, p_nil), string_to_array(p_ids, p_separator, p_nil))
      WITH ORDINALITY AS u (name, at, data, scope, sender, key, extra, id, ord)
    WHERE v_out IS NULL OR NOT v_out[u.ord];
  END IF;

  INSERT INTO store.commits (commit_id, catalog_version, events) VALUES (p_commit, p_version, v_written);
  IF v_out IS NOT NULL THEN
    INSERT INTO store.commit_names (name, commit_id, events)
    SELECT coalesce(n.name, p_distinct_names), p_commit, count(*)
    FROM generate_series(1, p_count) AS o (ord)
    LEFT JOIN unnest(string_to_array(p_names, p_separator)) WITH ORDINALITY AS n (name, ord) ON n.ord = o.ord
    WHERE NOT v_out[o.ord]
    GROUP BY 1;
  ELSIF cardinality(p_name_counts) = 1 THEN
    INSERT INTO store.commit_names (name, commit_id, events) VALUES (p_distinct_names, p_commit, p_name_counts[1]);
  ELSE
    INSERT INTO store.commit_names (name, commit_id, events)
    SELECT n.name, p_commit, n.events
    FROM unnest(string_to_array(p_distinct_names, p_separator), p_name_counts) AS n (name, events);
  END IF;

  IF p_batch_group IS NOT NULL THEN
    INSERT INTO store.batches (commit_id, group_name, priority, deliveries, state, worker, epoch, takes, created_at)
    VALUES (p_commit, p_batch_group, p_batch_priority, p_batch_deliveries,
      CASE WHEN p_batch_own AND v_worker IS NOT NULL THEN 1 ELSE 0 END, CASE WHEN p_batch_own THEN v_worker END,
      CASE WHEN p_batch_own AND v_worker IS NOT NULL THEN 1 ELSE 0 END,
      CASE WHEN p_batch_own AND v_worker IS NOT NULL THEN 1 ELSE 0 END, v_now)
    RETURNING jsonb_build_array(jsonb_build_array(no, epoch)) INTO v_batches;
  END IF;
  IF p_batches IS NOT NULL THEN
    WITH written AS (
      INSERT INTO store.batches (commit_id, group_name, priority, deliveries, state, worker, epoch, takes, created_at)
      SELECT p_commit, b.group_name, b.priority, b.deliveries,
        CASE WHEN b.own AND v_worker IS NOT NULL THEN 1 ELSE 0 END, CASE WHEN b.own THEN v_worker END,
        CASE WHEN b.own AND v_worker IS NOT NULL THEN 1 ELSE 0 END,
        CASE WHEN b.own AND v_worker IS NOT NULL THEN 1 ELSE 0 END, v_now
      FROM json_to_recordset(p_batches) AS b (group_name TEXT, priority SMALLINT, deliveries TEXT, own BOOLEAN)
      RETURNING no, epoch
    )
    SELECT v_batches || jsonb_agg(jsonb_build_array(no, epoch) ORDER BY no) INTO v_batches FROM written;
  END IF;
  IF p_jobs IS NOT NULL THEN
    v_jobs := store.insert_jobs(v_now, p_commit, v_worker, p_separator, p_jobs, v_out);
  END IF;
  IF p_parts IS NOT NULL THEN
    PERFORM store.insert_parts(v_now, p_parts);
  END IF;
  RETURN json_build_object('status', 'ok', 'batches', v_batches, 'jobs', v_jobs, 'left', v_left);
END
$$;

-- The jobs that are born with their events. Answers [[no, index, subscription]] of those that were born leased: not
-- of one whose event was left out, nor of any when their worker is gone.
CREATE FUNCTION store.insert_jobs(p_now BIGINT, p_commit TEXT, p_worker INTEGER, p_separator TEXT, p_jobs JSON,
  p_out BOOLEAN[]) RETURNS JSON LANGUAGE plpgsql AS $$
DECLARE
  v_rows JSON;
BEGIN
  WITH wanted AS (
    SELECT u.ord, u.id, u.idx, u.subscription, u.priority, u.due_at, u.leased, u.group_name, u.scope, u.reason, u.key
    FROM json_to_record(p_jobs) AS j (ids TEXT, indexes INTEGER[], subscriptions INTEGER[], priorities SMALLINT[],
        due_ats BIGINT[], leased BOOLEAN[], groups TEXT, scopes TEXT, reasons TEXT, keys TEXT[]),
      unnest(string_to_array(j.ids, p_separator), j.indexes, j.subscriptions, j.priorities, j.due_ats, j.leased,
        string_to_array(j.groups, p_separator), string_to_array(j.scopes, p_separator),
        string_to_array(j.reasons, p_separator), j.keys)
        WITH ORDINALITY AS u (id, idx, subscription, priority, due_at, leased, group_name, scope, reason, key, ord)
  ), written AS (
    INSERT INTO store.jobs (id, kind, group_name, subscription, commit_id, idx, replay, scope, key, priority, state,
      reason, due_at, attempt, crashes, isolated, worker, epoch, lease, created_at, updated_at)
    SELECT w.id, 'delivery', w.group_name, w.subscription, p_commit, w.idx, 0, coalesce(w.scope, ''), w.key,
      coalesce(w.priority, 1), CASE WHEN w.leased AND p_worker IS NOT NULL THEN 1 ELSE 0 END, w.reason,
      greatest(w.due_at, p_now), 0, 0, 0, CASE WHEN w.leased THEN p_worker END,
      CASE WHEN w.leased AND p_worker IS NOT NULL THEN 1 ELSE 0 END,
      CASE WHEN w.leased AND p_worker IS NOT NULL THEN nextval('store.leases') END, p_now, p_now
    FROM wanted w
    WHERE p_out IS NULL OR NOT p_out[w.idx + 1]
    ORDER BY w.ord
    RETURNING no, idx, subscription, epoch
  )
  SELECT json_agg(json_build_array(i.no, i.idx, i.subscription) ORDER BY i.no) INTO v_rows FROM written i WHERE i.epoch = 1;
  RETURN v_rows;
END
$$;

-- Which events of an append are not written: those of a release that are staged no longer, and those
-- whose ids are taken. An emit with an id that is taken by other content is refused whole.
-- Answers null when all are written, else {"out": [index], "rejected": […], "existing": […], "missing": […]}.
CREATE FUNCTION store.leave_out(p_now BIGINT, p_commit TEXT, p_count INTEGER, p_emits INTEGER[], p_distinct BOOLEAN,
  p_ids TEXT[], p_scopes TEXT[], p_hashes TEXT[], p_release_group TEXT, p_release TEXT[]) RETURNS JSON LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
  v_until BIGINT := p_now + 7 * 24 * 60 * 60 * 1000::bigint;
  v_missing INTEGER[] := '{}';
  v_out BOOLEAN[] := array_fill(false, ARRAY[p_count]);
  v_refused BOOLEAN[];
  v_rejected JSON[] := '{}';
  v_existing JSON[] := '{}';
  v_named INTEGER;
  v_claimed INTEGER;
  v_here JSONB := '{}';
  v_place TEXT;
  v_taken RECORD;
  i INTEGER;
  k INTEGER;
BEGIN
  IF p_release IS NOT NULL THEN
    WITH wanted AS (
      SELECT (r.ord - 1)::integer AS i, split_part(r.key, ':', 1) AS commit_id, split_part(r.key, ':', 2)::integer AS idx
      FROM unnest(p_release) WITH ORDINALITY AS r (key, ord)
    ), locked AS (
      -- In one order, so that two that release the same do not wait for each other.
      SELECT s.commit_id, s.idx, w.i FROM wanted w
      JOIN store.staged s ON s.event_group = p_release_group AND s.commit_id = w.commit_id AND s.idx = w.idx
      ORDER BY s.commit_id, s.idx FOR UPDATE OF s
    ), taken AS (
      DELETE FROM store.staged s USING locked l
      WHERE s.event_group = p_release_group AND s.commit_id = l.commit_id AND s.idx = l.idx
      RETURNING l.i
    )
    SELECT coalesce(array_agg(w.i), '{}') INTO v_missing FROM wanted w WHERE w.i NOT IN (SELECT t.i FROM taken t);
    FOREACH i IN ARRAY v_missing LOOP v_out[i + 1] := true; END LOOP;
  END IF;

  IF p_ids IS NOT NULL THEN
    SELECT count(*) INTO v_named FROM unnest(p_ids, v_out) AS u (id, out) WHERE u.id IS NOT NULL AND NOT u.out;
    BEGIN
      WITH claimed AS (
        INSERT INTO store.event_ids (id, scope, commit_id, idx, hash, unique_until)
        SELECT u.id, coalesce(u.scope, ''), p_commit, (u.ord - 1)::integer, u.hash, v_until
        FROM unnest(p_ids, p_scopes, p_hashes, v_out) WITH ORDINALITY AS u (id, scope, hash, out, ord)
        WHERE u.id IS NOT NULL AND NOT u.out AND p_distinct
        ORDER BY u.id, u.scope
        ON CONFLICT (id, scope) DO UPDATE
        SET commit_id = excluded.commit_id, idx = excluded.idx, hash = excluded.hash, unique_until = excluded.unique_until
        WHERE event_ids.unique_until <= p_now
        RETURNING id, scope
      )
      SELECT count(*) INTO v_claimed FROM claimed c
      WHERE NOT EXISTS (SELECT 1 FROM store.staged s WHERE s.id = c.id AND s.scope = c.scope);
      IF v_claimed <> v_named THEN RAISE EXCEPTION 'some are taken' USING ERRCODE = 'CA001'; END IF;
    EXCEPTION WHEN SQLSTATE 'CA001' THEN
      v_refused := array_fill(false, ARRAY[(SELECT max(e) + 1 FROM unnest(p_emits) AS m (e))]);
      FOR i IN 1 .. p_count LOOP
        CONTINUE WHEN p_ids[i] IS NULL OR v_out[i];
        v_place := coalesce(p_scopes[i], '') || E'\n' || p_ids[i];
        SELECT NULL::text AS commit_id, NULL::integer AS idx, NULL::text AS hash INTO v_taken;
        IF v_here ? v_place AND NOT v_refused[p_emits[(v_here ->> v_place)::integer] + 1] THEN
          k := (v_here ->> v_place)::integer;
          SELECT p_commit AS commit_id, k - 1 AS idx, p_hashes[k] AS hash INTO v_taken;
        ELSE
          SELECT e.commit_id, e.idx, e.hash INTO v_taken FROM store.event_ids e
          WHERE e.id = p_ids[i] AND e.scope = coalesce(p_scopes[i], '') AND e.unique_until > p_now;
          IF NOT FOUND THEN
            SELECT s.commit_id, s.idx, s.hash INTO v_taken FROM store.staged s
            WHERE s.id = p_ids[i] AND s.scope = coalesce(p_scopes[i], '') LIMIT 1;
          END IF;
        END IF;
        IF v_taken.commit_id IS NULL THEN
          v_here := v_here || jsonb_build_object(v_place, i);
        ELSIF v_taken.hash IS NOT DISTINCT FROM p_hashes[i] THEN
          v_out[i] := true;
          v_existing := v_existing || json_build_array(i - 1, v_taken.commit_id, v_taken.idx);
        ELSE
          v_rejected := v_rejected || json_build_array(p_emits[i], p_ids[i]);
          v_refused[p_emits[i] + 1] := true;
          FOR k IN 1 .. p_count LOOP
            IF p_emits[k] = p_emits[i] THEN v_out[k] := true; END IF;
          END LOOP;
        END IF;
      END LOOP;
      INSERT INTO store.event_ids (id, scope, commit_id, idx, hash, unique_until)
      SELECT u.id, coalesce(u.scope, ''), p_commit, (u.ord - 1)::integer, u.hash, v_until
      FROM unnest(p_ids, p_scopes, p_hashes, v_out) WITH ORDINALITY AS u (id, scope, hash, out, ord)
      WHERE u.id IS NOT NULL AND NOT u.out
      ORDER BY u.id, u.scope
      ON CONFLICT (id, scope) DO UPDATE
      SET commit_id = excluded.commit_id, idx = excluded.idx, hash = excluded.hash, unique_until = excluded.unique_until
      WHERE event_ids.unique_until <= p_now;
      GET DIAGNOSTICS v_claimed = ROW_COUNT;
      IF v_claimed <> (SELECT count(*) FROM unnest(p_ids, v_out) AS u (id, out) WHERE u.id IS NOT NULL AND NOT u.out) THEN
        -- Another commit took one of them a moment ago: this one is tried again and will see it.
        RAISE EXCEPTION 'an id was taken meanwhile' USING ERRCODE = '40001';
      END IF;
    END;
  END IF;

  IF NOT (true = ANY (v_out)) THEN RETURN NULL; END IF;
  RETURN json_build_object(
    'out', (SELECT json_agg(o.ord - 1) FROM unnest(v_out) WITH ORDINALITY AS o (out, ord) WHERE o.out),
    'rejected', to_json(v_rejected), 'existing', to_json(v_existing), 'missing', to_json(v_missing));
END
$$;
