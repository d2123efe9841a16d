import { extname, relative } from "node:path"
import { isPostgresUrl } from "../postgres/url.ts"

/**
 * A line to type in another terminal, at the folder this one was started in: the CLI with these words,
 * on this database.
 */
export function commandLine(database: string, words: readonly string[]): string {
  return `${CLI} ${[...words, "--database", shownDatabase(database)].map(quoted).join(" ")}`
}

/** As short as it can be said from here. */
export function shownDatabase(database: string): string {
  if (isPostgresUrl(database)) return database
  const fromHere = relative(process.cwd(), database)
  return fromHere.length < database.length ? fromHere : database
}

/** Who runs from the sources has no `carillon` on the path. */
const CLI = extname(import.meta.url) === ".ts" ? "npm run carillon --" : "npx carillon"

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
