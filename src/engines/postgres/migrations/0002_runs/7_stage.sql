-- Holds events back: those of many changes at once, of which each names its event group and its commit. `p_of` names for
-- each event its change from 1, and `p_indexes` its place there.
--
-- An id that is taken, or stands here twice, is looked into by who asks for it one by one: then nothing is written.
CREATE FUNCTION store.stage_events(p_now BIGINT, p_separator TEXT, p_nil TEXT, p_groups TEXT, p_commits TEXT, p_of INTEGER[],
  p_indexes INTEGER[], p_distinct_names TEXT, p_names TEXT, p_ats TEXT, p_data TEXT, p_scopes TEXT, p_senders TEXT, p_keys TEXT,
  p_extras TEXT, p_ids TEXT, p_hashes TEXT) RETURNS VOID LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
  v_now BIGINT := store.now_ms(p_now);
  v_groups TEXT[] := string_to_array(p_groups, p_separator);
  v_commits TEXT[] := string_to_array(p_commits, p_separator);
  v_ids TEXT[] := string_to_array(p_ids, p_separator, p_nil);
  v_scopes TEXT[] := string_to_array(p_scopes, p_separator, p_nil);
BEGIN
  IF p_ids IS NOT NULL AND EXISTS (
    SELECT 1 FROM unnest(v_ids, v_scopes) AS u (id, scope)
    WHERE u.id IS NOT NULL AND (
      EXISTS (SELECT 1 FROM store.staged s WHERE s.id = u.id AND s.scope = coalesce(u.scope, ''))
      OR EXISTS (SELECT 1 FROM store.event_ids e
        WHERE e.id = u.id AND e.scope = coalesce(u.scope, '') AND e.unique_until > v_now))
    UNION ALL
    SELECT 1 FROM unnest(v_ids, v_scopes) AS u (id, scope)
    WHERE u.id IS NOT NULL GROUP BY u.id, coalesce(u.scope, '') HAVING count(*) > 1)
  THEN
    RAISE EXCEPTION 'an id is taken' USING ERRCODE = 'CA005';
  END IF;
  INSERT INTO store.staged (event_group, commit_id, idx, name, scope, sender, key, at, data, extra, id, hash)
  SELECT v_groups[u.change], v_commits[u.change], u.idx, coalesce(u.name, p_distinct_names), coalesce(u.scope, ''), u.sender,
    u.key, u.at::bigint, u.data, u.extra, u.id, u.hash
  FROM unnest(p_of, p_indexes, string_to_array(p_names, p_separator), string_to_array(p_ats, ','),
      string_to_array(p_data, p_separator, p_nil), v_scopes, string_to_array(p_senders, p_separator, p_nil),
      string_to_array(p_keys, p_separator, p_nil), string_to_array(p_extras, p_separator, p_nil), v_ids,
      string_to_array(p_hashes, p_separator, p_nil))
    AS u (change, idx, name, at, data, scope, sender, key, extra, id, hash)
  ON CONFLICT (event_group, commit_id, idx) DO NOTHING;
END
$$;
