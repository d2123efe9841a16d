import { extname, relative } from "node:path"

/**
 * A line to type in another terminal, at the folder this one was started in: the CLI with these words,
 * on this database.
 */
export function commandLine(databasePath: string, words: readonly string[]): string {
  const path = relative(process.cwd(), databasePath)
  const shortest = path.length < databasePath.length ? path : databasePath
  return `${CLI} ${[...words, "--database", shortest].map(quoted).join(" ")}`
}

/** Who runs from the sources has no `carillon` on the path. */
const CLI = extname(import.meta.url) === ".ts" ? "npm run carillon --" : "npx carillon"

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
