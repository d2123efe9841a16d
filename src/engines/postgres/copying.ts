import { StoreError } from "../../core/errors.ts"
import type { Database, TransactionSession } from "./database.ts"

/**
 * A store that is being filled from elsewhere is closed to everybody else: a table marks it for those who
 * open it, and those who had opened it before, while it was empty, are refused when they write.
 */
const CLOSE = `
CREATE TABLE store.copying (name TEXT COLLATE "C" PRIMARY KEY, state TEXT NOT NULL);

CREATE FUNCTION store.refuse_while_copying() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('carillon.copying', true) IS DISTINCT FROM 'on' THEN
    RAISE EXCEPTION 'a copy into this store has not ended yet' USING ERRCODE = 'CA004';
  END IF;
  RETURN NULL;
END
$$;
`

/** Whoever has not looked into the store since it was empty can write nothing but these. */
const GUARDED = ["commits", "staged", "workers", "subscriptions", "jobs", "runs", "records"]

export async function closeForCopy(session: TransactionSession, db: Database): Promise<void> {
  await session.query(db.text(CLOSE))
  for (const table of GUARDED) await closeTableForCopy(session, db, table)
}

export async function closeTableForCopy(
  session: TransactionSession,
  db: Database,
  table: string,
): Promise<void> {
  await session.query(
    db.text(
      `CREATE TRIGGER copying BEFORE INSERT ON store.${table} FOR EACH STATEMENT EXECUTE FUNCTION store.refuse_while_copying()`,
    ),
  )
}

export async function openAfterCopy(session: TransactionSession, db: Database): Promise<void> {
  await session.query(db.text("DROP FUNCTION store.refuse_while_copying() CASCADE"))
  await session.query(db.text("DROP TABLE store.copying"))
}

/** Lets this transaction write into a store that is closed for its copy. */
export async function writeAsCopy(session: TransactionSession): Promise<void> {
  await session.query("SELECT set_config('carillon.copying', 'on', true)")
}

export function stillCopying(): StoreError {
  return new StoreError(
    "Expected a store that is whole, got one into which a copy has not ended yet. Run the same `carillon copy` again, which goes on where it stopped; or drop the schema and begin anew.",
  )
}
