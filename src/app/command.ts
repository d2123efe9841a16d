import { extname, relative } from "node:path"

/**
 * A line to type in another terminal, at the folder this one was started in: the CLI with these words,
 * on this database.
 */
export function commandLine(databasePath: string, words: readonly string[]): string {
  return `${CLI} ${[...words, "--database", shownPath(databasePath)].map(quoted).join(" ")}`
}

/** As short as it can be said from here. */
export function shownPath(path: string): string {
  const fromHere = relative(process.cwd(), path)
  return fromHere.length < path.length ? fromHere : path
}

/** Who runs from the sources has no `carillon` on the path. */
const CLI = extname(import.meta.url) === ".ts" ? "npm run carillon --" : "npx carillon"

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
