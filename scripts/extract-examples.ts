// Promise: every ```ts block in README.md, docs/ and the TSDoc of src/ compiles against the sources.
//
// A block is a module of its own; one that is only a piece says so: ```ts no-check. In TSDoc, where pieces
// are the rule, only the blocks that import something are taken.

import { spawnSync } from "node:child_process"
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"

interface Example {
  readonly page: string
  /** How many lines of the page stand before the example. */
  readonly start: number
  readonly code: string
}

const folder = ".tmp/doc-examples"
const pages = [...globSync("*.md"), ...globSync("docs/**/*.md"), ...globSync("src/**/*.ts")]
const examples = pages.map((page) => page.replaceAll("\\", "/")).flatMap(examplesIn)

rmSync(folder, { recursive: true, force: true })
for (const example of examples) write(example)
if (examples.length > 0) compile()
console.log(`${examples.length} examples`)

function examplesIn(page: string): Example[] {
  const isSource = page.endsWith(".ts")
  const found: Example[] = []
  let start = -1 // -1 = outside of an example
  const lines = readFileSync(page, "utf8").split(/\r?\n/)
  lines.forEach((line, index) => {
    const fence = /^[\s>*]*```(.*)$/.exec(line)?.[1]?.trim()
    if (fence === undefined) return
    if (start >= 0) found.push({ page, start, code: codeOf(lines.slice(start, index), isSource) })
    start = start < 0 && fence === "ts" ? index + 1 : -1
  })
  return isSource ? found.filter(({ code }) => /^import /m.test(code)) : found
}

function codeOf(lines: readonly string[], isSource: boolean): string {
  return lines.map((line) => (isSource ? line.replace(/^\s*\* ?/, "") : line)).join("\n")
}

/** The example keeps the line it has in its page, so that the compiler speaks of the page's lines. */
function write({ page, start, code }: Example): void {
  const file = `${folder}/${page}.${start}.ts`
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, "\n".repeat(start) + code)
}

function compile(): void {
  const options = { extends: "../../tsconfig.json", include: ["."], exclude: [] }
  writeFileSync(`${folder}/tsconfig.json`, JSON.stringify(options))
  const tsc = ["node_modules/typescript/bin/tsc", "-p", folder]
  const { status, stdout, stderr } = spawnSync(process.execPath, tsc, { encoding: "utf8" })
  if (status === 0) return
  const atTheirPages = stdout.replaceAll(`${folder}/`, "").replace(/^(\S+)\.\d+\.ts(?=[(:])/gm, "$1")
  console.error(atTheirPages + stderr)
  process.exitCode = 1
}
