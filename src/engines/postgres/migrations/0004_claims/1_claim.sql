-- What a claim costs depends on what it brings, hardly on how many subscriptions it asks for.

-- Jobs that are due, of subscriptions with free slots, each under the next epoch.
--
-- `p_cursors` remembers for each subscription where its last claim stopped: {"scope": …, "round": {…}, "marks":
-- {"class/scope": due_at}, "lease": …}. Somewhat before a mark nothing waits but what came late or was freed,
-- which a thorough claim finds. The last row has no number: it says when to come again, and the cursors.
CREATE OR REPLACE FUNCTION store.claim(p_now BIGINT, p_worker INTEGER, p_group TEXT, p_subscriptions INTEGER[], p_free INTEGER[],
  p_limits JSONB, p_priorities SMALLINT[], p_isolated BOOLEAN, p_system INTEGER, p_thorough BOOLEAN, p_cursors JSONB)
RETURNS TABLE (no BIGINT, epoch INTEGER, kind TEXT, id TEXT, subscription INTEGER, job_scope TEXT, job_key TEXT,
  job_priority SMALLINT, attempt INTEGER, crashes INTEGER, isolated SMALLINT, replay INTEGER, history TEXT, job_data TEXT,
  commit_id TEXT, idx INTEGER, name TEXT, scope TEXT, sender TEXT, key TEXT, at BIGINT, data TEXT, extra TEXT, event_id TEXT,
  next_due_at BIGINT, cursors JSONB) LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE
  v_now BIGINT := store.now_ms(p_now);
  v_jobs store.jobs[] := '{}';
  v_suspect store.jobs;
  v_system BIGINT[];
  v_plain INTEGER[] := '{}';
  v_due BIGINT;
  v_cursors JSONB := p_cursors;
  c RECORD;
  i INTEGER;
BEGIN
  -- A lease that a crash of the server takes back is no loss: what it was for is open again.
  PERFORM set_config('synchronous_commit', 'off', true);
  IF NOT store.hold_worker(p_worker) THEN RETURN; END IF;

  IF p_system > 0 THEN
    v_system := ARRAY(
      SELECT j.no FROM store.jobs j
      WHERE j.state = 0 AND j.kind = 'replay' AND j.group_name = p_group AND j.due_at <= v_now
      ORDER BY j.due_at LIMIT p_system FOR UPDATE SKIP LOCKED);
    IF cardinality(v_system) > 0 THEN v_jobs := store.lease_jobs(v_now, p_worker, v_system); END IF;
  END IF;

  -- Its slot is taken before the others take them all, but it is handed out last: it may ask to be alone.
  IF p_isolated THEN
    SELECT * INTO c FROM store.claim_isolated(v_now, p_worker, p_subscriptions, p_limits);
    v_suspect := c.job;
    v_due := least(v_due, c.due_at);
  END IF;

  IF NOT p_thorough THEN
    SELECT * INTO c FROM store.choose_plain(v_now, p_subscriptions, p_free, p_limits, p_priorities, p_cursors);
    v_plain := c.subscriptions;
    v_due := least(v_due, c.due_at);
    v_cursors := p_cursors || c.cursors;
    IF cardinality(c.nos) > 0 THEN v_jobs := v_jobs || store.lease_jobs(v_now, p_worker, c.nos); END IF;
  END IF;
  FOR i IN 1 .. cardinality(p_subscriptions) LOOP
    CONTINUE WHEN p_subscriptions[i] = ANY (v_plain);
    SELECT * INTO c FROM store.claim_subscription(v_now, p_worker, p_subscriptions[i], p_free[i],
      p_limits -> p_subscriptions[i]::text, p_priorities, p_thorough, coalesce(v_cursors -> p_subscriptions[i]::text, '{}'));
    v_jobs := v_jobs || c.jobs;
    v_due := least(v_due, c.due_at);
    v_cursors := jsonb_set(v_cursors, ARRAY[p_subscriptions[i]::text], c.cursor);
  END LOOP;
  IF v_suspect.no IS NOT NULL THEN v_jobs := v_jobs || v_suspect; END IF;

  IF cardinality(v_jobs) > 0 THEN
    -- Their bounds tell the planner which days to look at.
    SELECT min(j.commit_id) AS low, max(j.commit_id) AS high INTO c FROM unnest(v_jobs) AS j;
    RETURN QUERY
    SELECT l.no, l.epoch, l.kind, l.id, l.subscription, l.scope, l.key, l.priority, l.attempt, l.crashes, l.isolated,
      l.replay, l.history, l.data, e.commit_id, e.idx, e.name, e.scope, e.sender, e.key, e.at, e.data, e.extra, e.id,
      NULL::bigint, NULL::jsonb
    FROM unnest(v_jobs) AS l LEFT JOIN LATERAL (
      SELECT * FROM store.events e WHERE e.commit_id = l.commit_id AND e.idx = l.idx
      AND e.commit_id >= c.low AND e.commit_id <= c.high LIMIT 1) e ON true;
  END IF;
  RETURN QUERY SELECT NULL::bigint, 0, NULL::text, NULL::text, 0, NULL::text, NULL::text, 0::smallint, 0, 0, 0::smallint, 0,
    NULL::text, NULL::text, NULL::text, 0, NULL::text, NULL::text, NULL::text, NULL::text, 0::bigint, NULL::text, NULL::text,
    NULL::text, v_due, v_cursors;
END
$$;

-- What the subscriptions without limits may have whose jobs wait without keys and in the one scope that their cursors
-- know: nearly always that is all of them. One statement finds it for however many they are.
CREATE FUNCTION store.choose_plain(p_now BIGINT, p_subscriptions INTEGER[], p_free INTEGER[], p_limits JSONB,
  p_priorities SMALLINT[], p_cursors JSONB,
  OUT subscriptions INTEGER[], OUT nos BIGINT[], OUT due_at BIGINT, OUT cursors JSONB) LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
BEGIN
  WITH plain AS MATERIALIZED (
    SELECT s.* FROM (
      SELECT u.ord, u.subscription, u.free, c.cursor, c.cursor #>> '{scopes,0}' AS scope,
        coalesce(c.cursor -> 'marks', '{}') AS marks, coalesce((c.cursor ->> 'openFrom')::bigint, 0) AS open_from
      FROM unnest(p_subscriptions, p_free) WITH ORDINALITY AS u (subscription, free, ord)
      CROSS JOIN LATERAL (SELECT p_cursors -> u.subscription::text AS cursor OFFSET 0) c
      WHERE jsonb_array_length(c.cursor -> 'scopes') = 1 AND p_limits -> u.subscription::text IS NULL OFFSET 0) s
    -- Ordered as their indexes are: so each is one step into an index, whatever the planner believes of the table.
    WHERE (SELECT 1 FROM store.jobs j WHERE j.state < 2 AND j.key IS NOT NULL AND j.subscription = s.subscription
        AND j.no >= s.open_from ORDER BY j.subscription, j.no LIMIT 1) IS NULL
      AND (SELECT 1 FROM store.jobs j WHERE j.state = 0 AND j.key IS NULL AND j.isolated = 0
        AND j.subscription = s.subscription AND j.scope < s.scope ORDER BY j.subscription, j.scope LIMIT 1) IS NULL
      AND (SELECT 1 FROM store.jobs j WHERE j.state = 0 AND j.key IS NULL AND j.isolated = 0
        AND j.subscription = s.subscription AND j.scope > s.scope ORDER BY j.subscription, j.scope LIMIT 1) IS NULL
  ), got AS MATERIALIZED (
    SELECT p.*, k.nos, k.marks AS new_marks,
      CASE WHEN coalesce(cardinality(k.nos), 0) < p.free THEN (
        SELECT min(n.due_at) FROM unnest(p_priorities) AS c (class) CROSS JOIN LATERAL (
          SELECT j.due_at FROM store.jobs j
          WHERE j.state = 0 AND j.key IS NULL AND j.isolated = 0 AND j.subscription = p.subscription
            AND j.scope = p.scope AND j.priority = c.class AND j.due_at > p_now
          ORDER BY j.due_at LIMIT 1) n) END AS due_at
    FROM plain p CROSS JOIN LATERAL (
      SELECT array_agg(t.no ORDER BY t.ord, t.due_at, t.no) AS nos,
        jsonb_object_agg(t.class || '/' || p.scope, t.due_at ORDER BY t.due_at) AS marks
      FROM (
        SELECT c.class, c.ord, x.no, x.due_at
        FROM unnest(p_priorities) WITH ORDINALITY AS c (class, ord) CROSS JOIN LATERAL (
          SELECT j.no, j.due_at FROM store.jobs j
          WHERE j.state = 0 AND j.key IS NULL AND j.isolated = 0 AND j.subscription = p.subscription
            AND j.scope = p.scope AND j.priority = c.class AND j.due_at <= p_now
            AND j.due_at >= coalesce((p.marks ->> (c.class || '/' || p.scope))::bigint - 500, 0)
          ORDER BY j.due_at, j.no LIMIT p.free
          FOR UPDATE SKIP LOCKED) x
        ORDER BY c.ord, x.due_at, x.no LIMIT p.free) t) k
  )
  SELECT coalesce(array_agg(g.subscription), '{}'), min(g.due_at),
    coalesce(jsonb_object_agg(g.subscription, g.cursor
      || jsonb_build_object('scope', g.scope, 'marks', g.marks || coalesce(g.new_marks, '{}'))), '{}'),
    coalesce((SELECT array_agg(n.no ORDER BY o.ord, n.place)
      FROM got o CROSS JOIN LATERAL unnest(o.nos) WITH ORDINALITY AS n (no, place)), '{}')
  INTO subscriptions, due_at, cursors, nos FROM got g;
END
$$;
