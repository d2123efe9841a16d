import { getApi, getDocument, getHealth, getMetrics, getReady } from "../../contract/server.ts"
import { HttpError } from "../../http/http-error.ts"
import { Reply } from "../../http/reply.ts"
import { SAFE_HEADERS } from "../api.ts"
import type { ApiDocument } from "../document.ts"
import { type Served, serve } from "../served.ts"
import { packageVersion } from "../version.ts"

export interface ServerFacts {
  readonly basePath: string
  readonly document: () => ApiDocument
  readonly isReady: () => Promise<boolean>
  /** Whoever reaches the server may ask for its metrics. */
  readonly openMetrics: boolean
}

export function serverRoutes({ basePath, document, isReady, openMetrics }: ServerFacts): readonly Served[] {
  let described: string | null = null // null = nobody has asked for it yet: it takes a while to make
  return [
    serve(getApi, async () => ({
      name: "carillon" as const,
      version: packageVersion(),
      links: {
        document: `${basePath}${getDocument.path}`,
        reference: `${basePath}/api/docs`,
        health: `${basePath}${getHealth.path}`,
        ready: `${basePath}${getReady.path}`,
      },
    })),
    serve(getDocument, async () => {
      described ??= JSON.stringify(document())
      return new Reply(described, { headers: { ...SAFE_HEADERS, "content-type": "application/json" } })
    }),
    serve(getHealth, async () => ({ status: "ok" as const })),
    serve(getReady, async () => {
      if (await isReady()) return { status: "ready" as const }
      throw new HttpError(503, "The store does not answer, or the server ends.", {
        headers: { "retry-after": "1" },
      })
    }),
    serve(openMetrics ? { ...getMetrics, reach: "open", permission: null } : getMetrics, async (asked) => {
      const { carillon } = asked
      const headers = { ...SAFE_HEADERS, "content-type": carillon.metricsContentType }
      return new Reply(await carillon.metrics(), { headers })
    }),
  ]
}
