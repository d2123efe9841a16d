-- Jobs with a key. In order, those that came first are looked at first, for mostly every key is among them; only when
-- a few keys have a great many waiting are the keys gone through one by one.
CREATE FUNCTION store.choose_by_key(p_now BIGINT, p_subscription INTEGER, p_room INTEGER, p_limit JSONB,
  p_priorities SMALLINT[], p_thorough BOOLEAN, p_cursor JSONB, OUT nos BIGINT[], OUT due_at BIGINT, OUT cursor JSONB)
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
  v_all BOOLEAN := false;
  v_got RECORD;
BEGIN
  nos := '{}';
  cursor := p_cursor;
  IF p_limit ->> 'keyConcurrency' IS NULL THEN
    SELECT * INTO v_got FROM store.choose_first(p_now, p_subscription, p_room, p_thorough, cursor);
    nos := v_got.nos;
    due_at := v_got.due_at;
    cursor := v_got.cursor;
    v_all := v_got.complete;
  END IF;
  IF NOT v_all AND cardinality(nos) = 0 THEN
    SELECT * INTO v_got FROM store.choose_keyed(p_now, p_subscription, p_room, p_limit, p_priorities, p_thorough, cursor -> 'round');
    nos := v_got.nos;
    due_at := least(due_at, v_got.due_at);
    cursor := cursor || jsonb_build_object('round', v_got.round);
  ELSIF NOT v_all AND cardinality(nos) < p_room THEN
    due_at := p_now; -- the others are looked at when these are under way
  END IF;
END
$$;

-- Of the jobs with a key that came first, the heads that are due. `complete` = there are no others.
--
-- "openFrom" in the cursor is a number below which nothing with a key is open: what was done before it is not waded
-- through again, however long its dead entries stay. Numbers are given before their rows can be seen, so it stays
-- somewhat behind; what comes back from among the dead letters is found by thorough claims, which begin at 0.
CREATE FUNCTION store.choose_first(p_now BIGINT, p_subscription INTEGER, p_room INTEGER, p_thorough BOOLEAN, p_cursor JSONB,
  OUT nos BIGINT[], OUT due_at BIGINT, OUT complete BOOLEAN, OUT cursor JSONB) LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
  v_from BIGINT := CASE WHEN p_thorough THEN 0 ELSE coalesce((p_cursor ->> 'openFrom')::bigint, 0) END;
  v_leased TEXT[];
  v_lease BIGINT;
  v_first BIGINT;
  v_count INTEGER;
BEGIN
  cursor := p_cursor;
  SELECT coalesce(array_agg(j.key) FILTER (WHERE j.key IS NOT NULL), '{}'), min(j.lease) INTO v_leased, v_lease FROM store.jobs j
  WHERE j.state = 1 AND j.subscription = p_subscription
    AND j.lease >= CASE WHEN p_thorough THEN 0 ELSE coalesce((p_cursor ->> 'leasedFrom')::bigint, 0) END;
  WITH open AS MATERIALIZED (
    -- Said as a pair, so that no other index on numbers will do: those know all that has ended, too.
    SELECT j.no, j.key, j.state, j.isolated, j.due_at FROM store.jobs j
    WHERE j.state < 2 AND j.key IS NOT NULL
      AND (j.subscription, j.no) >= (p_subscription, v_from) AND j.subscription <= p_subscription
    ORDER BY j.subscription, j.no LIMIT 1000
  ), heads AS (
    SELECT DISTINCT ON (o.key) o.no, o.key, o.state, o.isolated, o.due_at FROM open o ORDER BY o.key, o.no
  ), free AS (
    SELECT h.no, h.due_at FROM heads h WHERE h.state = 0 AND h.isolated = 0 AND h.key <> ALL (v_leased)
  )
  SELECT (SELECT count(*) FROM open), (SELECT min(o.no) FROM open o),
    ARRAY(SELECT f.no FROM free f WHERE f.due_at <= p_now ORDER BY f.no LIMIT p_room),
    (SELECT min(f.due_at) FROM free f WHERE f.due_at > p_now)
  INTO v_count, v_first, nos, due_at;
  complete := v_count < 1000;
  -- Whatever is leased or written from here on has a higher number than any that was given.
  cursor := cursor || jsonb_build_object('leasedFrom', coalesce(v_lease, (SELECT l.last_value FROM store.leases l)));
  IF p_now - coalesce((cursor ->> 'openAt')::bigint, 0) >= 250 THEN
    cursor := cursor || jsonb_build_object('openFrom', coalesce((cursor ->> 'openNext')::bigint, 0), 'openNext',
      coalesce(v_first, (SELECT n.last_value FROM store.jobs_no_seq n)),
      'openAt', p_now);
  END IF;
END
$$;

-- The head of each key, if it is due and nobody runs it: order is derived, never stored. With a limit a key
-- instead of order, as many of each key as the limit leaves, whichever are due.
--
-- `p_round` is one round of the keys, over as many claims as it takes: {"from": the key behind which it began,
-- "at": the key looked at last, "wrapped", "done", "due": the earliest that was not due, "found": how many it handed
-- out, "cut": a thorough claim had to stop in it}. Null looks from the beginning, for who only asks whether there is
-- anything.
--
-- Behind a round that began in an earlier claim much may be ready since. So one that handed out something is followed
-- by another at once, and a thorough claim makes a whole round of its own, up to a bound: when it finds nothing there
-- is nothing.
CREATE FUNCTION store.choose_keyed(p_now BIGINT, p_subscription INTEGER, p_room INTEGER, p_limit JSONB, p_priorities SMALLINT[],
  p_thorough BOOLEAN, p_round JSONB, OUT nos BIGINT[], OUT due_at BIGINT, OUT round JSONB) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
  v_most INTEGER := (p_limit ->> 'keyConcurrency')::integer;
  v_goes_on BOOLEAN := coalesce(NOT (p_round ->> 'done')::boolean AND (NOT p_thorough OR (p_round ->> 'cut')::boolean), false);
  v_from TEXT := CASE WHEN v_goes_on THEN p_round ->> 'from' ELSE coalesce(p_round ->> 'at', '') END;
  v_at TEXT := coalesce(p_round ->> 'at', '');
  v_wrapped BOOLEAN := CASE WHEN v_goes_on THEN (p_round ->> 'wrapped')::boolean ELSE v_from = '' END;
  v_due BIGINT := CASE WHEN v_goes_on THEN (p_round ->> 'due')::bigint END;
  v_found INTEGER := CASE WHEN v_goes_on THEN (p_round ->> 'found')::integer ELSE 0 END;
  v_bound INTEGER := CASE WHEN p_thorough THEN 10000 ELSE 256 END;
  v_cut BOOLEAN := false;
  v_done BOOLEAN := false;
  v_looked INTEGER := 0;
  v_head RECORD;
  v_got RECORD;
BEGIN
  nos := '{}';
  <<turns>>
  LOOP
    -- From key to key, each time to its oldest: the first row of the next key is both.
    FOR v_head IN
      WITH RECURSIVE heads (key, no, state, isolated, due_at) AS (
        (SELECT j.key, j.no, j.state, j.isolated, j.due_at FROM store.jobs j
         WHERE j.state < 2 AND j.key IS NOT NULL AND j.subscription = p_subscription AND j.key > v_at
         ORDER BY j.key, j.no LIMIT 1)
        UNION ALL
        SELECT n.key, n.no, n.state, n.isolated, n.due_at FROM heads h CROSS JOIN LATERAL (
          SELECT j.key, j.no, j.state, j.isolated, j.due_at FROM store.jobs j
          WHERE j.state < 2 AND j.key IS NOT NULL AND j.subscription = p_subscription AND j.key > h.key
          ORDER BY j.key, j.no LIMIT 1) n
      )
      SELECT h.*, h.state = 1 OR EXISTS (SELECT 1 FROM store.jobs j
        WHERE j.state = 1 AND j.key IS NOT NULL AND j.subscription = p_subscription AND j.key = h.key) AS leased
      FROM heads h
    LOOP
      v_done := v_wrapped AND v_from <> '' AND v_head.key COLLATE "C" > v_from COLLATE "C"; -- every key had its turn
      EXIT WHEN v_done;
      EXIT turns WHEN cardinality(nos) >= p_room;
      IF v_looked >= v_bound THEN
        v_cut := p_thorough;
        due_at := p_now; -- there are more keys: come back at once
        EXIT turns;
      END IF;
      v_looked := v_looked + 1;
      v_at := v_head.key;
      IF v_most IS NOT NULL THEN
        SELECT * INTO v_got FROM store.choose_of_key(p_now, p_subscription, v_head.key, p_room - cardinality(nos), v_most, p_priorities);
        nos := nos || v_got.nos;
        v_due := least(v_due, v_got.due_at);
      ELSIF v_head.leased OR v_head.isolated = 1 THEN
        CONTINUE;
      ELSIF v_head.due_at <= p_now THEN
        nos := nos || v_head.no;
      ELSE
        v_due := least(v_due, v_head.due_at);
      END IF;
    END LOOP;
    IF v_wrapped OR v_done THEN
      v_done := true;
      EXIT WHEN NOT v_goes_on OR v_found = 0;
      IF cardinality(nos) > 0 THEN
        due_at := p_now;
        EXIT;
      END IF;
      v_goes_on := false;
      v_found := 0;
      v_done := false;
      v_from := v_at;
      v_wrapped := v_at = '';
      v_due := NULL;
    ELSE
      v_wrapped := true;
      v_at := '';
    END IF;
  END LOOP;
  due_at := least(due_at, v_due);
  round := jsonb_build_object('from', v_from, 'at', v_at, 'wrapped', v_wrapped, 'done', v_done, 'due', v_due,
    'found', v_found + cardinality(nos), 'cut', v_cut);
END
$$;

-- What of a key may be leased now, as far as its limit goes; one that is not due holds up nobody.
CREATE FUNCTION store.choose_of_key(p_now BIGINT, p_subscription INTEGER, p_key TEXT, p_room INTEGER, p_most INTEGER,
  p_priorities SMALLINT[], OUT nos BIGINT[], OUT due_at BIGINT) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
  v_free INTEGER;
  v_class SMALLINT;
  v_job RECORD;
BEGIN
  nos := '{}';
  SELECT p_most - count(*) INTO v_free FROM store.jobs j
  WHERE j.state = 1 AND j.key IS NOT NULL AND j.subscription = p_subscription AND j.key = p_key;
  FOREACH v_class IN ARRAY p_priorities LOOP
    FOR v_job IN
      SELECT j.no, j.due_at FROM store.jobs j
      WHERE j.state = 0 AND j.key IS NOT NULL AND j.isolated = 0
        AND j.subscription = p_subscription AND j.key = p_key AND j.priority = v_class
      ORDER BY j.due_at, j.no LIMIT greatest(0, v_free - cardinality(nos)) + 1
    LOOP
      IF v_job.due_at > p_now THEN
        due_at := least(due_at, v_job.due_at);
        EXIT;
      END IF;
      IF cardinality(nos) = p_room THEN RETURN; END IF;
      IF cardinality(nos) >= v_free THEN
        -- Nobody tells when a slot becomes free in another worker: who waits for one looks again so soon.
        due_at := least(due_at, p_now + 50);
        RETURN;
      END IF;
      nos := nos || v_job.no;
    END LOOP;
  END LOOP;
END
$$;
