// Promise: whoever compiles first keeps it for all others: tests start hundreds of processes, and those that are killed
// keep nothing.
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const PROCESS = fileURLToPath(new URL("warm-up-process.ts", import.meta.url))

export default async function warmUp(): Promise<void> {
  await promisify(execFile)(process.execPath, ["--disable-warning=ExperimentalWarning", PROCESS])
}
