// Promise: every engine's numbered .sql migrations also stand in a module beside them, so that bundlers carry
// them along. With --check it writes nothing, and fails when a module is out of date.

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
  const files = readdirSync(folder).filter((file) => /^\d{4}_\w+\.sql$/.test(file))
  const migrations = files.sort().map((file) => {
    const sql = readFileSync(`${folder}/${file}`, "utf8").replace(/[\\`]|\$\{/g, "\\$&")
    return `  {\n    number: ${Number(file.slice(0, 4))},\n    name: "${file.slice(5, -4)}",\n    sql: \`${sql}\`,\n  },\n`
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
