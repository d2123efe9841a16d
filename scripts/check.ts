// Promise: `npm run check` is everything that CI asks; `npm run check -- types floors` is a part of it.

import { spawnSync } from "node:child_process"

const tsc = "node_modules/typescript/bin/tsc"

/** Each step is a file to run, with its arguments; the quick ones come first. */
const steps: Readonly<Record<string, readonly string[]>> = {
  style: ["node_modules/@biomejs/biome/bin/biome", "ci", "--error-on-warnings", "--colors=off"],
  floors: ["scripts/check-floors.ts"],
  errors: ["scripts/check-errors.ts"],
  migrations: ["scripts/embed-migrations.ts", "--check"],
  lockfile: ["scripts/check-lockfile.ts"],
  types: [tsc, "-p", "tsconfig.json"],
  "example-types": [tsc, "-p", "examples/tsconfig.json"],
  unused: ["node_modules/knip/bin/knip.js"],
  docs: ["scripts/extract-examples.ts"],
  build: ["scripts/build.ts"],
  package: ["scripts/check-package.ts"],
  tests: ["node_modules/vitest/vitest.mjs", "run"],
}

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !(name in steps))
if (unknown.length > 0) {
  console.error(`Expected some of: ${Object.keys(steps).join(", ")}; got: ${unknown.join(", ")}`)
  process.exit(2)
}

const failed = Object.keys(steps).filter(
  (name) => (asked.length === 0 || asked.includes(name)) && !passes(name),
)
if (failed.length > 0) console.error(`\nfailed: ${failed.join(", ")}`)
process.exit(failed.length > 0 ? 1 : 0)

/** A step that passes says so in a line; one that fails shows all it said. The tests may speak as they go. */
function passes(name: string): boolean {
  const startedAt = performance.now()
  const { status, stdout, stderr } = spawnSync(process.execPath, steps[name] ?? [], {
    stdio: [
      "ignore",
      ...(name === "tests" ? (["inherit", "inherit"] as const) : (["pipe", "pipe"] as const)),
    ],
    encoding: "utf8",
  })
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1)
  console.log(`${status === 0 ? "ok    " : "FAILED"} ${name} (${seconds} s)`)
  if (status !== 0) process.stderr.write(`${stdout ?? ""}${stderr ?? ""}`)
  return status === 0
}
