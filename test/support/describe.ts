import { describe } from "vitest"
import { NoServer, testServer } from "./postgres.ts"
import { HOW_TO_GET_POSTGRES, postgresFolder } from "./programs.ts"

/**
 * `describe` where there is a server or one can be started. Elsewhere its tests are skipped aloud: the
 * title says why and what to do, and so does the console.
 */
export async function describePostgres(title: string, body: () => void): Promise<void> {
  try {
    await testServer()
    describe(title, body)
  } catch (error) {
    if (!(error instanceof NoServer)) throw error
    skipAloud(title, error.message, body)
  }
}

/** `describe` where a server can be started of one's own, to be stopped and killed. */
export function describeCluster(title: string, body: () => void): void {
  if (postgresFolder() !== null) describe(title, body)
  else skipAloud(title, `PostgreSQL's programs are not installed: ${HOW_TO_GET_POSTGRES}`, body)
}

export function skipAloud(title: string, reason: string, body: () => void): void {
  console.warn(`skipped: ${title}. ${reason}`)
  describe.skip(`${title} (skipped: ${reason})`, body)
}

/** The same tests for each engine that there is here. */
export async function describeEngines(body: (engine: "sqlite" | "postgres") => void): Promise<void> {
  describe("on SQLite", () => body("sqlite"))
  await describePostgres("on PostgreSQL", () => body("postgres"))
}
