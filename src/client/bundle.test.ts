import { readFileSync } from "node:fs"
import { stripTypeScriptTypes } from "node:module"
import { dirname, join, relative } from "node:path"
import { gzipSync } from "node:zlib"
import { expect, it } from "vitest"

const src = join(import.meta.dirname, "..")

interface Loaded {
  readonly file: string // below src/
  readonly code: string // without types
  readonly imports: readonly string[]
}

/** What is left of a file when it runs: imports of types are gone. Comments too. */
function load(path: string): Loaded {
  const code = stripTypeScriptTypes(readFileSync(path, "utf8")).replaceAll(COMMENTS, "")
  const imports = code.matchAll(
    /^\s*(?:import|export)\b[^"'`;]*?\bfrom\s*"([^"]+)"|\bimport\s*\(?\s*"([^"]+)"/gm,
  )
  return {
    file: relative(src, path),
    code,
    imports: Array.from(imports, ([, from, bare]) => from ?? bare ?? ""),
  }
}

const COMMENTS = /\/\*\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm

function loadedFrom(start: string): readonly Loaded[] {
  const loaded = new Map<string, Loaded>()
  for (const open = [start]; open.length > 0; ) {
    const path = open.pop() as string
    if (loaded.has(path)) continue
    const file = load(path)
    loaded.set(path, file)
    for (const each of file.imports) if (each.startsWith(".")) open.push(join(dirname(path), each))
  }
  return [...loaded.values()]
}

const loaded = loadedFrom(join(src, "client/index.ts"))

it("loads nothing but itself and what errors are: no schema, no engine, nothing of Node's", () => {
  const others = loaded.map(({ file }) => file).filter((file) => !file.startsWith("client/"))
  const packages = loaded.flatMap(({ imports }) => imports.filter((each) => !each.startsWith(".")))

  expect(loaded.length).toBeGreaterThan(10)
  expect(others).toEqual(["core/errors.ts"])
  expect(packages).toEqual([])
})

it("names nothing that browsers do not have", () => {
  for (const { file, code } of loaded) expect([file, code]).toEqual([file, expect.not.stringMatching(NODES)])
})

const NODES = /\b(?:process|Buffer|require|__dirname|setImmediate)\b\s*[.([]/

it("is a few kilobytes", () => {
  const bare = loaded.map(({ code }) => code.replaceAll(/\s+$/gm, "")).join("\n")

  expect(gzipSync(bare).length).toBeLessThan(11_000)
})
