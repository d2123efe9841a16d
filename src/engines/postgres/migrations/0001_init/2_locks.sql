CREATE FUNCTION store.now_ms(p_now BIGINT) RETURNS BIGINT LANGUAGE plpgsql AS $$
BEGIN
  RETURN coalesce(p_now, (extract(epoch FROM clock_timestamp()) * 1000)::bigint);
END
$$;

-- Who changes the catalog waits for those who are writing by it, and holds off those who come.
CREATE FUNCTION store.lock_catalog() RETURNS VOID LANGUAGE sql AS $$
  SELECT pg_advisory_xact_lock(hashtextextended('store.catalog', 0))
$$;

-- A version of the catalog holds for as long as this lock: who routes by it shares it, who changes it has
-- it alone. It is let go when the commit can be seen.
CREATE FUNCTION store.lock_catalog_shared() RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'Carillon needs transactions at READ COMMITTED, got %. Set default_transaction_isolation for its role.',
      current_setting('transaction_isolation') USING ERRCODE = 'CA003';
  END IF;
  PERFORM pg_advisory_xact_lock_shared(hashtextextended('store.catalog', 0));
END
$$;

-- Is this worker still joined? It cannot be buried before this transaction ends.
CREATE FUNCTION store.hold_worker(p_worker INTEGER) RETURNS BOOLEAN LANGUAGE plpgsql AS $$
BEGIN
  IF p_worker IS NULL THEN RETURN false; END IF;
  PERFORM pg_advisory_xact_lock_shared(hashtext('store.worker'), p_worker);
  RETURN EXISTS (SELECT 1 FROM store.workers WHERE no = p_worker);
END
$$;
