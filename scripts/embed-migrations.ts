// Embeds every engine's numbered .sql migrations in a module beside them, so that bundlers carry them along.
// With --check it writes nothing and fails when a module is out of date.
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
const check = process.argv.includes("--check")
let stale = false

for (const engine of readdirSync(join(root, "src/engines"))) {
  const folder = join(root, "src/engines", engine, "migrations")
  const files = readdirSync(folder)
    .filter((file) => /^\d{4}_\w+\.sql$/.test(file))
    .sort()
  if (files.length === 0) continue
  const target = join(root, "src/engines", engine, "migrations.ts")
  const text = moduleText(folder, files)
  if (text === current(target)) continue
  stale = true
  if (check) console.error(`${relative(root, target)} is out of date: run npm run embed-migrations`)
  else writeFileSync(target, text)
}
if (check && stale) process.exit(1)

function moduleText(folder: string, files: readonly string[]): string {
  const entries = files.map((file) => {
    const sql = readFileSync(join(folder, file), "utf8")
      .replaceAll("\\", "\\\\")
      .replaceAll("`", "\\`")
      .replaceAll("${", "\\${")
    return `  {\n    number: ${Number(file.slice(0, 4))},\n    name: "${file.slice(5, -4)}",\n    sql: \`${sql}\`,\n  },\n`
  })
  return `// Made from migrations/*.sql by scripts/embed-migrations.ts: change those, not this.\nexport const MIGRATIONS: readonly { readonly number: number; readonly name: string; readonly sql: string }[] = [\n${entries.join("")}]\n`
}

function current(target: string): string | null {
  try {
    return readFileSync(target, "utf8")
  } catch {
    return null
  }
}
