// Promise: dist/ is the publishable form of src/: the same files in the same places, as JavaScript with types.

import { spawnSync } from "node:child_process"
import {
  chmodSync,
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs"

rmSync("dist", { recursive: true, force: true })
compile()
for (const file of globSync("dist/**/*.d.ts")) nameCompiled(file)
makeRunnable("dist/cli/main.js")
copyReference("dist/server/reference")
console.log(`dist/ has ${globSync("dist/**/*.js").length} modules`)

function compile(): void {
  const tsc = ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"]
  const { status } = spawnSync(process.execPath, tsc, { stdio: "inherit" })
  if (status !== 0) process.exit(status ?? 1)
}

/** The compiler rewrites what is imported, and leaves what is augmented by its name in the source. */
function nameCompiled(file: string): void {
  const text = readFileSync(file, "utf8")
  const named = text.replace(/^declare module "(\.[^"]+)\.ts"/gm, 'declare module "$1.js"')
  if (named !== text) writeFileSync(file, named)
}

function makeRunnable(file: string): void {
  if (!existsSync(file)) throw new Error(`Expected the build to make ${file}, the package's bin.`)
  if (!readFileSync(file, "utf8").startsWith("#!/usr/bin/env node\n")) {
    throw new Error(`Expected ${file} to begin with "#!/usr/bin/env node".`)
  }
  chmodSync(file, 0o755)
}

/** What the reference page of the API shows itself with: it comes along, so that it needs no other host. */
function copyReference(folder: string): void {
  mkdirSync(folder)
  const files = [
    "swagger-ui-bundle.js",
    "swagger-ui-bundle.js.LICENSE.txt",
    "swagger-ui.css",
    "LICENSE",
    "NOTICE",
  ]
  for (const file of files) copyFileSync(`node_modules/swagger-ui-dist/${file}`, `${folder}/${file}`)
}
