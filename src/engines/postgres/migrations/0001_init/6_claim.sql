-- How many may start now, of a bucket that gets `p_limit` tokens evenly in each `p_per` milliseconds and
-- holds a tenth of them. `p_use` = take them; else only asks.
--
-- Differs by necessity: it says `takeTokens` of src/core/rate.ts again, since a claim is chosen in one call here. The
-- conformance suite holds both to the same grants.
CREATE FUNCTION store.take_tokens(p_now BIGINT, p_subscription INTEGER, p_limit INTEGER, p_per BIGINT, p_want INTEGER,
  p_use BOOLEAN, OUT granted INTEGER, OUT next_at BIGINT) LANGUAGE plpgsql AS $$
DECLARE
  v_full DOUBLE PRECISION := ceil(p_limit / 10.0);
  v_tokens DOUBLE PRECISION := v_full;
  v_at BIGINT := p_now;
  v_missing DOUBLE PRECISION;
  v_no BIGINT;
  r RECORD;
BEGIN
  SELECT tokens, at INTO r FROM store.rates WHERE subscription = p_subscription ORDER BY no DESC LIMIT 1;
  IF FOUND THEN
    IF p_now < r.at - p_per THEN
      v_tokens := least(r.tokens, v_full);
    ELSE
      v_tokens := least(v_full, r.tokens + greatest(0, p_now - r.at) * p_limit::double precision / p_per);
      v_at := greatest(p_now, r.at);
    END IF;
  END IF;
  -- Fractions do not add up exactly; what lacks so little counts as there.
  granted := greatest(0, least(p_want, floor(v_tokens + 1e-9)::integer));
  v_tokens := v_tokens - granted;
  v_missing := 1 - v_tokens - 1e-9;
  next_at := CASE WHEN v_missing <= 0 THEN p_now
    ELSE greatest(p_now, v_at + ceil(v_missing * p_per / p_limit)::bigint) END;
  IF p_use AND granted > 0 THEN
    INSERT INTO store.rates (subscription, tokens, at) VALUES (p_subscription, v_tokens, v_at) RETURNING no INTO v_no;
    IF v_no % 64 = 0 THEN DELETE FROM store.rates WHERE subscription = p_subscription AND no < v_no; END IF;
  END IF;
END
$$;

-- Jobs that are due, of subscriptions with free slots, each under the next epoch.
--
-- `p_cursors` remembers for each subscription where its last claim stopped: {"scope": …, "round": {…}, "marks":
-- {"class/scope": due_at}, "lease": …}. Somewhat before a mark nothing waits but what came late or was freed,
-- which a thorough claim finds. The last row has no number: it says when to come again, and the cursors.
CREATE FUNCTION store.claim(p_now BIGINT, p_worker INTEGER, p_group TEXT, p_subscriptions INTEGER[], p_free INTEGER[],
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
      WHERE j.state = 0 AND j.kind <> 'delivery' AND j.group_name = p_group AND j.due_at <= v_now
      ORDER BY j.due_at LIMIT p_system FOR UPDATE SKIP LOCKED);
    IF cardinality(v_system) > 0 THEN v_jobs := store.lease_jobs(v_now, p_worker, v_system); END IF;
  END IF;

  -- Its slot is taken before the others take them all, but it is handed out last: it may ask to be alone.
  IF p_isolated THEN
    SELECT * INTO c FROM store.claim_isolated(v_now, p_worker, p_subscriptions, p_limits);
    v_suspect := c.job;
    v_due := least(v_due, c.due_at);
  END IF;

  FOR i IN 1 .. cardinality(p_subscriptions) LOOP
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

-- Puts jobs under this worker's lease; answers them in the order given.
CREATE FUNCTION store.lease_jobs(p_now BIGINT, p_worker INTEGER, p_nos BIGINT[]) RETURNS store.jobs[] LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
  v_jobs store.jobs[];
BEGIN
  WITH leased AS (
    UPDATE store.jobs j
    SET state = 1, reason = 'running', worker = p_worker, epoch = j.epoch + 1, updated_at = p_now, lease = nextval('store.leases')
    FROM unnest(p_nos) WITH ORDINALITY AS n (no, ord)
    WHERE j.no = n.no
    RETURNING j, n.ord
  )
  SELECT array_agg(l.j ORDER BY l.ord) INTO v_jobs FROM leased l;
  RETURN v_jobs;
END
$$;

-- What the limits over all workers leave of what is wanted; when there is more, once that is used up. Asked under
-- the lock of the subscription: all leases of it were given one after another, and below the first that holds, none
-- does.
CREATE FUNCTION store.room_for(p_now BIGINT, p_subscription INTEGER, p_want INTEGER, p_limit JSONB, p_lease BIGINT,
  OUT room INTEGER, OUT more_at BIGINT, OUT lease BIGINT) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
  v_most INTEGER := (p_limit ->> 'concurrency')::integer;
  v_rate JSONB := nullif(p_limit -> 'rate', 'null');
  v_leased INTEGER;
  v_slots INTEGER := p_want;
  v_grant RECORD;
BEGIN
  more_at := p_now;
  IF v_most IS NOT NULL THEN
    SELECT count(*), min(j.lease) INTO v_leased, lease FROM store.jobs j
    WHERE j.state = 1 AND j.subscription = p_subscription AND j.lease >= coalesce(p_lease, 0);
    v_slots := greatest(0, v_most - v_leased);
    IF v_slots <= p_want THEN more_at := p_now + 50; END IF;
  END IF;
  lease := coalesce(lease, (SELECT l.last_value FROM store.leases l));
  room := least(p_want, v_slots);
  IF v_rate IS NOT NULL THEN
    SELECT * INTO v_grant FROM store.take_tokens(p_now, p_subscription, (v_rate ->> 'limit')::integer,
      (v_rate ->> 'per')::bigint, room, false);
    more_at := CASE WHEN v_grant.granted < v_slots THEN v_grant.next_at ELSE greatest(more_at, v_grant.next_at) END;
    room := v_grant.granted;
  END IF;
END
$$;

-- Takes the tokens of what was leased.
CREATE FUNCTION store.pay(p_now BIGINT, p_subscription INTEGER, p_limit JSONB, p_used INTEGER) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
  v_rate JSONB := nullif(p_limit -> 'rate', 'null');
BEGIN
  IF v_rate IS NULL OR p_used = 0 THEN RETURN; END IF;
  PERFORM store.take_tokens(p_now, p_subscription, (v_rate ->> 'limit')::integer, (v_rate ->> 'per')::bigint, p_used, true);
END
$$;

-- What one subscription may have now. Where a limit holds over all workers, or order, only one worker at a
-- time chooses for it: it sees all that the others have chosen.
CREATE FUNCTION store.claim_subscription(p_now BIGINT, p_worker INTEGER, p_subscription INTEGER, p_free INTEGER, p_limit JSONB,
  p_priorities SMALLINT[], p_thorough BOOLEAN, p_cursor JSONB, OUT jobs store.jobs[], OUT due_at BIGINT, OUT cursor JSONB)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
  v_keyed BOOLEAN;
  v_keys_first BOOLEAN := coalesce((p_cursor ->> 'keysFirst')::boolean, true);
  v_room INTEGER := p_free;
  v_nos BIGINT[] := '{}';
  r RECORD;
  v_got RECORD;
BEGIN
  jobs := '{}';
  cursor := p_cursor;
  v_keyed := EXISTS (SELECT 1 FROM store.jobs j
    WHERE j.state < 2 AND j.key IS NOT NULL AND j.subscription <= p_subscription
      AND (j.subscription, j.no)
        >= (p_subscription, CASE WHEN p_thorough THEN 0 ELSE coalesce((p_cursor ->> 'openFrom')::bigint, 0) END));
  IF v_keyed OR p_limit IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock(hashtext('store.claim'), p_subscription);
  END IF;
  IF p_limit IS NOT NULL THEN
    SELECT * INTO r FROM store.room_for(p_now, p_subscription, p_free, p_limit, (cursor ->> 'lease')::bigint);
    v_room := r.room;
    cursor := cursor || jsonb_build_object('lease', r.lease);
  END IF;

  -- Those with a key and those without take turns in being asked first, so that neither starves the other.
  IF v_keyed AND v_keys_first AND v_room > 0 THEN
    SELECT * INTO v_got FROM store.choose_by_key(p_now, p_subscription, v_room, p_limit, p_priorities, p_thorough, cursor);
    v_nos := v_got.nos;
    due_at := least(due_at, v_got.due_at);
    cursor := v_got.cursor;
  END IF;
  IF v_room > cardinality(v_nos) THEN
    SELECT * INTO v_got FROM store.choose_unordered(p_now, p_subscription, v_room - cardinality(v_nos), p_priorities, p_thorough, cursor);
    v_nos := v_nos || v_got.nos;
    due_at := least(due_at, v_got.due_at);
    cursor := v_got.cursor;
  END IF;
  IF v_keyed AND NOT v_keys_first AND v_room > cardinality(v_nos) THEN
    SELECT * INTO v_got FROM store.choose_by_key(p_now, p_subscription, v_room - cardinality(v_nos), p_limit, p_priorities,
      p_thorough, cursor);
    v_nos := v_nos || v_got.nos;
    due_at := least(due_at, v_got.due_at);
    cursor := v_got.cursor;
  END IF;
  IF v_keyed THEN cursor := cursor || jsonb_build_object('keysFirst', NOT v_keys_first); END IF;

  IF cardinality(v_nos) > 0 THEN
    jobs := store.lease_jobs(p_now, p_worker, v_nos);
    PERFORM store.pay(p_now, p_subscription, p_limit, cardinality(v_nos));
  END IF;
  IF p_limit IS NOT NULL AND cardinality(v_nos) = v_room AND v_room < p_free THEN
    SELECT * INTO v_got FROM store.waits_for_limit(p_now, p_subscription, p_limit, p_priorities);
    due_at := least(due_at, v_got.due_at);
    IF v_got.waits THEN due_at := least(due_at, r.more_at); END IF;
  END IF;
END
$$;

-- Is something due that only a limit keeps waiting? If not, when the next is due.
CREATE FUNCTION store.waits_for_limit(p_now BIGINT, p_subscription INTEGER, p_limit JSONB, p_priorities SMALLINT[],
  OUT waits BOOLEAN, OUT due_at BIGINT) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
  v_got RECORD;
BEGIN
  due_at := store.first_due(p_subscription);
  waits := coalesce(due_at <= p_now, false);
  IF waits THEN
    due_at := NULL;
    RETURN;
  END IF;
  SELECT * INTO v_got FROM store.choose_keyed(p_now, p_subscription, 1, p_limit, p_priorities, true, NULL);
  waits := cardinality(v_got.nos) > 0 OR coalesce(v_got.due_at = p_now, false);
  due_at := least(due_at, v_got.due_at);
  IF waits THEN due_at := NULL; END IF;
END
$$;

-- When the first of the jobs without a key is due. The first of each scope and class: a million that are
-- delayed are not read for it.
CREATE FUNCTION store.first_due(p_subscription INTEGER) RETURNS BIGINT LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
  v_due BIGINT;
BEGIN
  WITH RECURSIVE heads (scope, priority, due_at, depth) AS (
    (SELECT j.scope, j.priority, j.due_at, 1 FROM store.jobs j
     WHERE j.state = 0 AND j.key IS NULL AND j.isolated = 0 AND j.subscription = p_subscription
     ORDER BY j.scope, j.priority, j.due_at LIMIT 1)
    UNION ALL
    SELECT n.scope, n.priority, n.due_at, h.depth + 1 FROM heads h CROSS JOIN LATERAL (
      SELECT j.scope, j.priority, j.due_at FROM store.jobs j
      WHERE j.state = 0 AND j.key IS NULL AND j.isolated = 0 AND j.subscription = p_subscription
        AND (j.scope, j.priority) > (h.scope, h.priority)
      ORDER BY j.scope, j.priority, j.due_at LIMIT 1) n
    WHERE h.depth < 1000
  )
  SELECT min(h.due_at) INTO v_due FROM heads h;
  RETURN v_due;
END
$$;

-- The scopes in which jobs without a key wait. Those that are known are stepped over, for their place in the index
-- may be full of what is delayed or dead.
CREATE FUNCTION store.scopes_of(p_subscription INTEGER, p_known TEXT[]) RETURNS TEXT[] LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
  v_scopes TEXT[] := '{}';
  v_scope TEXT;
  v_low TEXT := '';
  v_high TEXT;
  v_known TEXT;
BEGIN
  FOREACH v_known IN ARRAY p_known || NULL::text LOOP
    v_high := coalesce(v_known, U&'\+10FFFF'); -- behind every scope
    WHILE v_low COLLATE "C" < v_high COLLATE "C" AND cardinality(v_scopes) < 1000 LOOP
      SELECT j.scope INTO v_scope FROM store.jobs j
      WHERE j.state = 0 AND j.key IS NULL AND j.isolated = 0 AND j.subscription = p_subscription
        AND j.scope >= v_low AND j.scope < v_high
      ORDER BY j.scope LIMIT 1;
      EXIT WHEN NOT FOUND;
      v_scopes := v_scopes || v_scope;
      v_low := v_scope || E'\u0001';
    END LOOP;
    IF v_known IS NOT NULL THEN
      v_scopes := v_scopes || v_known;
      v_low := v_known || E'\u0001'; -- the next there can be
    END IF;
  END LOOP;
  RETURN v_scopes;
END
$$;

-- Round the scopes of a subscription, class by class, from where the last claim stopped.
CREATE FUNCTION store.choose_unordered(p_now BIGINT, p_subscription INTEGER, p_room INTEGER, p_priorities SMALLINT[],
  p_thorough BOOLEAN, p_cursor JSONB, OUT nos BIGINT[], OUT due_at BIGINT, OUT cursor JSONB) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
  v_marks JSONB := CASE WHEN p_thorough THEN '{}' ELSE coalesce(p_cursor -> 'marks', '{}') END;
  v_last TEXT := p_cursor ->> 'scope';
  v_scopes TEXT[];
  v_turn TEXT[];
  v_more TEXT[];
  v_scope TEXT;
  v_class SMALLINT;
  v_share INTEGER;
  v_most INTEGER;
  v_first BOOLEAN := true;
  v_got BIGINT[];
  v_count INTEGER;
  v_mark BIGINT;
  v_place TEXT;
  v_due BIGINT;
BEGIN
  nos := '{}';
  cursor := p_cursor;
  -- Many that are known are found anew now and then: one that has nothing to do costs a look each time.
  v_scopes := store.scopes_of(p_subscription,
    CASE WHEN p_thorough AND jsonb_array_length(p_cursor -> 'scopes') > 16 THEN '{}'
      ELSE ARRAY(SELECT jsonb_array_elements_text(p_cursor -> 'scopes')) END);
  cursor := cursor || jsonb_build_object('scopes', to_jsonb(v_scopes), 'marks', v_marks);
  IF cardinality(v_scopes) = 0 THEN RETURN; END IF;
  v_scopes := ARRAY(SELECT o.scope FROM unnest(v_scopes) AS o (scope)
    ORDER BY coalesce(o.scope COLLATE "C" <= v_last COLLATE "C", false), o.scope COLLATE "C");

  v_turn := v_scopes;
  v_share := ceil(p_room::numeric / cardinality(v_turn));
  WHILE cardinality(nos) < p_room AND cardinality(v_turn) > 0 LOOP
    v_more := '{}';
    FOREACH v_scope IN ARRAY v_turn LOOP
      EXIT WHEN cardinality(nos) >= p_room;
      v_count := 0;
      v_most := least(v_share, p_room - cardinality(nos));
      FOREACH v_class IN ARRAY p_priorities LOOP
        EXIT WHEN v_count >= v_most;
        v_place := v_class || '/' || v_scope;
        v_mark := (v_marks ->> v_place)::bigint;
        SELECT array_agg(x.no ORDER BY x.due_at, x.no), max(x.due_at) INTO v_got, v_mark FROM (
          SELECT j.no, j.due_at FROM store.jobs j
          WHERE j.state = 0 AND j.key IS NULL AND j.isolated = 0 AND j.subscription = p_subscription
            AND j.scope = v_scope AND j.priority = v_class AND j.due_at <= p_now
            AND j.due_at >= coalesce(v_mark - 500, 0)
            AND (v_first OR j.no <> ALL (nos)) -- what was chosen in the first turn waits still
          ORDER BY j.due_at, j.no LIMIT v_most - v_count
          FOR UPDATE SKIP LOCKED) x;
        IF v_got IS NOT NULL THEN
          nos := nos || v_got;
          v_count := v_count + cardinality(v_got);
          v_marks := v_marks || jsonb_build_object(v_place, v_mark);
        END IF;
        IF v_count < v_most THEN
          SELECT j.due_at INTO v_due FROM store.jobs j
          WHERE j.state = 0 AND j.key IS NULL AND j.isolated = 0 AND j.subscription = p_subscription
            AND j.scope = v_scope AND j.priority = v_class AND j.due_at > p_now
          ORDER BY j.due_at LIMIT 1;
          due_at := least(due_at, v_due);
        END IF;
      END LOOP;
      cursor := cursor || jsonb_build_object('scope', v_scope);
      IF v_count = v_share THEN v_more := v_more || v_scope; END IF;
    END LOOP;
    v_first := false;
    v_turn := v_more;
    v_share := greatest(1, ceil((p_room - cardinality(nos))::numeric / greatest(1, cardinality(v_turn))));
  END LOOP;
  cursor := cursor || jsonb_build_object('marks', v_marks);
END
$$;

-- One job that is suspected of killing its process, where its key and the limits let it run.
CREATE FUNCTION store.claim_isolated(p_now BIGINT, p_worker INTEGER, p_subscriptions INTEGER[], p_limits JSONB,
  OUT job store.jobs, OUT due_at BIGINT) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
  v_subscription INTEGER;
  v_limit JSONB;
  v_most INTEGER;
  v_job RECORD;
  v_leased store.jobs[];
  r RECORD;
BEGIN
  FOREACH v_subscription IN ARRAY p_subscriptions LOOP
    CONTINUE WHEN NOT EXISTS (SELECT 1 FROM store.jobs j WHERE j.state = 0 AND j.isolated = 1 AND j.subscription = v_subscription);
    PERFORM pg_advisory_xact_lock(hashtext('store.claim'), v_subscription);
    v_limit := p_limits -> v_subscription::text;
    v_most := (v_limit ->> 'keyConcurrency')::integer;
    SELECT j.no, j.due_at INTO v_job FROM (
      SELECT x.no, x.due_at, x.key FROM store.jobs x
      WHERE x.state = 0 AND x.isolated = 1 AND x.subscription = v_subscription ORDER BY x.due_at LIMIT 16) j
    WHERE j.key IS NULL
      OR CASE WHEN v_most IS NULL THEN
        j.no = (SELECT h.no FROM store.jobs h
          WHERE h.state < 2 AND h.key IS NOT NULL AND h.subscription = v_subscription AND h.key = j.key ORDER BY h.no LIMIT 1)
        AND NOT EXISTS (SELECT 1 FROM store.jobs h
          WHERE h.state = 1 AND h.key IS NOT NULL AND h.subscription = v_subscription AND h.key = j.key)
      ELSE v_most > (SELECT count(*) FROM store.jobs h
          WHERE h.state = 1 AND h.key IS NOT NULL AND h.subscription = v_subscription AND h.key = j.key) END
    ORDER BY j.due_at LIMIT 1;
    CONTINUE WHEN NOT FOUND;
    IF v_job.due_at > p_now THEN
      due_at := least(due_at, v_job.due_at);
      CONTINUE;
    END IF;
    IF v_limit IS NOT NULL THEN
      SELECT * INTO r FROM store.room_for(p_now, v_subscription, 1, v_limit, NULL);
      IF r.room = 0 THEN
        due_at := least(due_at, r.more_at);
        CONTINUE;
      END IF;
      PERFORM store.pay(p_now, v_subscription, v_limit, 1);
    END IF;
    v_leased := store.lease_jobs(p_now, p_worker, ARRAY[v_job.no]);
    job := v_leased[1];
    RETURN;
  END LOOP;
END
$$;
