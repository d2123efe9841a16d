import { createRequire } from "node:module"

// Three folders up, whether this is run from its sources or as it is published.
const { version } = createRequire(import.meta.url)("../../../package.json") as { readonly version: string }

/** How Carillon calls itself. */
export const USER_AGENT = `Carillon/${version}`
