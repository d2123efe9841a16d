// Promise: the built package is fit to publish: each door opens, with its types, from outside.

import { spawnSync } from "node:child_process"
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { publint } from "publint"
import { formatMessage } from "publint/utils"

interface Door {
  readonly types: string
  readonly default: string
}

const manifest = JSON.parse(readFileSync("package.json", "utf8")) as {
  name: string
  exports: Record<string, Door | string>
}
const doors = Object.entries(manifest.exports).filter((entry): entry is [string, Door] => {
  return typeof entry[1] === "object"
})
const complaints = [...checkDoors(), ...(await lint()), ...checkTypes()]

for (const complaint of complaints) console.error(complaint)
if (complaints.length > 0) process.exitCode = 1

/** Every door is a folder of src/ with an index.ts, and every such folder is a door. */
function checkDoors(): string[] {
  const folders = globSync("src/**/index.ts").map((file) =>
    file.replaceAll("\\", "/").slice("src/".length, -"/index.ts".length),
  )
  const missing = folders.filter((folder) => !manifest.exports[folder ? `./${folder}` : "."])
  const closed = doors.flatMap(([, door]) => [door.types, door.default]).filter((file) => !existsSync(file))
  return [
    ...missing.map((folder) => `src/${folder}/index.ts has no line in the exports of package.json`),
    ...closed.map((file) => `package.json exports ${file}, which the build does not make`),
  ]
}

async function lint(): Promise<string[]> {
  const { messages } = await publint({ level: "suggestion", strict: true })
  return messages.map((message) => `publint: ${formatMessage(message, manifest) ?? message.code}`)
}

/** Compiles a program that walks in through every door by the package's own name, as a user's compiler would. */
function checkTypes(): string[] {
  const folder = ".tmp/doors"
  const imports = doors.map(([door], index) => {
    return `import * as door${index} from "${manifest.name}${door.slice(1)}"\nconsole.log(door${index})\n`
  })
  const compilerOptions = { paths: {}, skipLibCheck: false }
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}/doors.ts`, imports.join(""))
  writeFileSync(
    `${folder}/tsconfig.json`,
    JSON.stringify({ extends: "../../tsconfig.json", compilerOptions, include: ["doors.ts"], exclude: [] }),
  )
  const tsc = ["node_modules/typescript/bin/tsc", "-p", folder]
  const { status, stdout } = spawnSync(process.execPath, tsc, { encoding: "utf8" })
  return status === 0 ? [] : [stdout.trimEnd()]
}
