import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import { pathOf, type Received } from "../http/received.ts"
import { Reply } from "../http/reply.ts"
import { SAFE_HEADERS } from "./api.ts"

/**
 * The reference page, `/api/docs`: Swagger UI over the document, from this server alone. What it needs is
 * copied into the package when it is built, with its licence; from the sources it is a development dependency.
 */
export function referenceOf(basePath: string): (request: Received) => Promise<Reply> | null {
  const place = `${basePath}/api/docs`
  const parts: Readonly<Record<string, () => Promise<Reply>>> = {
    "": async () => page(place),
    "/start.js": async () => answer("text/javascript", start(basePath)),
    "/swagger-ui.css": () => file("text/css", "swagger-ui.css"),
    "/swagger-ui-bundle.js": () => file("text/javascript", "swagger-ui-bundle.js"),
    "/LICENSE": () => file("text/plain", "LICENSE"),
    "/NOTICE": () => file("text/plain", "NOTICE"),
  }
  return (request) => {
    if (request.method !== "GET" && request.method !== "HEAD") return null
    const path = pathOf(request)
    if (!path.startsWith(place)) return null
    const rest = path.slice(place.length).replace(/\/$/, "")
    return Object.hasOwn(parts, rest) ? (parts[rest]?.() ?? null) : null
  }
}

/** Only from here, and only what stands in files: nothing that an event says can become a script. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'", // Swagger UI puts styles at its elements
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ")

function page(place: string): Reply {
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Carillon: the API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${place}/swagger-ui.css">
</head>
<body>
<div id="reference"></div>
<script src="${place}/swagger-ui-bundle.js"></script>
<script src="${place}/start.js"></script>
</body>
</html>
`
  const headers = {
    ...SAFE_HEADERS,
    "content-security-policy": POLICY,
    "content-type": "text/html; charset=utf-8",
  }
  return new Reply(html, { headers })
}

function start(basePath: string): string {
  const options = {
    url: `${basePath}/api/openapi.json`,
    dom_id: "#reference",
    deepLinking: true,
    defaultModelsExpandDepth: 0,
    validatorUrl: null, // else it asks a host of others
    persistAuthorization: false,
  }
  return `SwaggerUIBundle(${JSON.stringify(options)})\n`
}

function answer(type: string, body: string | Buffer<ArrayBuffer>): Reply {
  const headers = { ...SAFE_HEADERS, "cache-control": "public, max-age=3600" }
  return new Reply(body, { headers: { ...headers, "content-type": `${type}; charset=utf-8` } })
}

async function file(type: string, name: string): Promise<Reply> {
  const copied = fileURLToPath(new URL(`./reference/${name}`, import.meta.url))
  const found = existsSync(copied)
    ? copied
    : createRequire(import.meta.url).resolve(`swagger-ui-dist/${name}`)
  return answer(type, await readFile(found))
}
