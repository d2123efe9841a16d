import { createRequire } from "node:module"

/** Two folders up, whether this is run from its sources or as it is published. */
export function packageVersion(): string {
  return String((createRequire(import.meta.url)("../../package.json") as { version?: unknown }).version)
}
