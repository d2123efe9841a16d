// Promise: every engine's numbered .sql migrations also stand in a module beside them, so that bundlers carry
// them along. A migration is a file, or a folder of files that are said one after another. With --check it writes nothing, and fails when a module is out of date.

import { existsSync, globSync, readdirSync, readFileSync, writeFileSync } from "node:fs"

const isCheck = process.argv.includes("--check")

for (const folder of globSync("src/engines/*/migrations")) {
  const target = `${folder}.ts`
  const text = moduleText(folder)
  if (existsSync(target) && readFileSync(target, "utf8") === text) continue
  if (isCheck) {
    console.error(`${target} is out of date: run npm run embed-migrations`)
    process.exitCode = 1
  } else {
    writeFileSync(target, text)
  }
}

function moduleText(folder: string): string {
  const names = readdirSync(folder).filter((name) => /^\d{4}_\w+(\.sql)?$/.test(name))
  const migrations = names.sort().map((name) => {
    const sql = sqlOf(`${folder}/${name}`).replace(/[\\`]|\$\{/g, "\\$&")
    return `  {\n    number: ${Number(name.slice(0, 4))},\n    name: "${name.slice(5).replace(".sql", "")}",\n    sql: \`${sql}\`,\n  },\n`
  })
  return `// Made from migrations/*.sql by scripts/embed-migrations.ts: change those, not this.
interface Migration {
  readonly number: number
  readonly name: string
  readonly sql: string
}

export const MIGRATIONS: readonly Migration[] = [
${migrations.join("")}]
`
}

function sqlOf(place: string): string {
  if (place.endsWith(".sql")) return readFileSync(place, "utf8")
  const files = readdirSync(place).filter((file) => file.endsWith(".sql"))
  return files
    .sort()
    .map((file) => readFileSync(`${place}/${file}`, "utf8"))
    .join("\n")
}
