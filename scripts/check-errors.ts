// Promise: the error codes in src/core/errors.ts are those that docs/reference/errors.md explains, each once.

import { readFileSync } from "node:fs"

const inCode = codesIn("src/core/errors.ts", /"(CARILLON_[A-Z_]+)"/g)
/** In the page a code is explained where it opens a heading or a row of a table. */
const inDocs = codesIn("docs/reference/errors.md", /^(?:#+ |\| *)`(CARILLON_[A-Z_]+)`/gm)

report("is not explained in docs/reference/errors.md", without(inCode, inDocs))
report("is explained, but src/core/errors.ts does not have it", without(inDocs, inCode))
report("stands twice in src/core/errors.ts", repeated(inCode))
report("is explained twice", repeated(inDocs))

function codesIn(file: string, code: RegExp): string[] {
  return Array.from(readFileSync(file, "utf8").matchAll(code), (match) => match[1] ?? "")
}

function without(codes: readonly string[], others: readonly string[]): string[] {
  return codes.filter((code) => !others.includes(code))
}

function repeated(codes: readonly string[]): string[] {
  return codes.filter((code, index) => codes.indexOf(code) !== index)
}

function report(what: string, codes: readonly string[]): void {
  for (const code of codes) console.error(`${code} ${what}`)
  if (codes.length > 0) process.exitCode = 1
}
