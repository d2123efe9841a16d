-- Open parts of subscriptions with room, oldest first.
CREATE OR REPLACE FUNCTION store.take_parts(p_worker INTEGER, p_subscriptions INTEGER[], p_free INTEGER[], p_priorities SMALLINT[])
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
  FOR i IN
    SELECT u.ord FROM unnest(p_subscriptions) WITH ORDINALITY AS u (no, ord)
    WHERE (SELECT 1 FROM store.parts p WHERE p.state = 0 AND p.subscription = u.no
        ORDER BY p.subscription, p.priority, p.no LIMIT 1) = 1
  LOOP
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
