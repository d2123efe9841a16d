import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"

/** The name of the package that a folder belongs to; `null` = of none. */
export function packageNameOf(folder: string): string | null {
  for (let at = folder; ; at = dirname(at)) {
    try {
      const { name } = JSON.parse(readFileSync(join(at, "package.json"), "utf8")) as { name?: unknown }
      if (typeof name === "string" && name !== "") return name
    } catch {
      // No readable package.json here: look further up.
    }
    if (dirname(at) === at) return null
  }
}
