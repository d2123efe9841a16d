/** Texts as this database wants them: with its schema, and with numbered places. */
export function dialectOf(schema: string): {
  readonly schema: string // quoted
  readonly place: (sql: string) => string
  readonly translate: (sql: string) => string
} {
  const quoted = `"${schema.replaceAll('"', '""')}"`
  const place = cached((sql) => sql.replaceAll(/\bstore\./g, () => `${quoted}.`))
  return { schema: quoted, place, translate: cached((sql) => numbered(place(sql))) }
}

/** `?` becomes `$1`, `$2` and so on; no text of ours has a question mark elsewhere. */
function numbered(sql: string): string {
  let count = 0
  return sql.replaceAll("?", () => `$${++count}`)
}

function cached(make: (sql: string) => string): (sql: string) => string {
  const made = new Map<string, string>()
  return (sql) => {
    let text = made.get(sql)
    if (text === undefined) {
      text = make(sql)
      if (made.size >= MOST_TEXTS) made.clear()
      made.set(sql, text)
    }
    return text
  }
}

/** Lists are put together from their filters, so there are many texts, but not without end. */
const MOST_TEXTS = 1_000
