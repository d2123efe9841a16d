import { spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"

const repository = resolve(import.meta.dirname, "../..")
const folder = mkdtempSync(join(tmpdir(), "carillon-package-"))
let unreachable: string | null = null // null = the package was installed

beforeAll(() => {
  must(run(process.execPath, ["scripts/build.ts"], repository))
  must(npm(["pack", "--pack-destination", folder], repository))
  const tarball = readdirSync(folder).find((file) => file.endsWith(".tgz"))
  write("package.json", JSON.stringify({ name: "shop", private: true, type: "module" }))

  const install = npm(["install", "--prefer-offline", "--no-audit", "--no-fund", `./${tarball}`], folder)
  const isOffline = /\b(ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT|ECONNRESET|ENOTCACHED)\b/.exec(
    install.output,
  )
  if (install.status !== 0 && isOffline) unreachable = `the npm registry is unreachable (${isOffline[0]})`
  else must(install)
}, 300_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

test("handles an event in a JavaScript program of its own", { timeout: 130_000 }, ({ skip }) => {
  if (unreachable) skip(unreachable)
  write("shop.js", `import { createCarillon } from "carillon"\n${shop}`)

  const { output } = must(run(process.execPath, ["shop.js"], folder))

  expect(lastLine(output)).toBe("handled ord_1001")
})

test("can be required from CommonJS", { timeout: 130_000 }, ({ skip }) => {
  if (unreachable) skip(unreachable)
  write("shop.cjs", `const { createCarillon } = require("carillon")\nvoid (async () => {\n${shop}})()\n`)

  const { output } = must(run(process.execPath, ["shop.cjs"], folder))

  expect(lastLine(output)).toBe("handled ord_1001")
})

test.for(["nodenext", "bundler"])(
  "has types that a strict program compiles against with %s resolution",
  { timeout: 130_000 },
  (moduleResolution, { skip }) => {
    if (unreachable) skip(unreachable)
    write(
      "shop.ts",
      `import { createCarillon } from "carillon"\nimport * as testing from "carillon/testing"\nvoid testing\n${shop}`,
    )
    write("tsconfig.json", tsconfig(moduleResolution))

    const { output } = must(
      run(process.execPath, [join(repository, "node_modules/typescript/bin/tsc")], folder),
    )

    expect(output).toBe("")
  },
)

test("answers with the API, and brings the page about it", { timeout: 130_000 }, ({ skip }) => {
  if (unreachable) skip(unreachable)
  write("server.js", server)

  const { output } = must(run(process.execPath, ["server.js"], folder))

  expect(lastLine(output)).toBe("200 200 200 200")
})

test.for(["nodenext", "bundler"])(
  "has a client for pages, whose types need nothing of Node's, with %s resolution",
  { timeout: 130_000 },
  (moduleResolution, { skip }) => {
    if (unreachable) skip(unreachable)
    write("shop.ts", till)
    write("tsconfig.json", tsconfig(moduleResolution, { types: [], lib: ["es2024", "dom", "dom.iterable"] }))

    const { output } = must(
      run(process.execPath, [join(repository, "node_modules/typescript/bin/tsc")], folder),
    )

    expect(output).toBe("")
  },
)

test.for(["nodenext", "bundler"])(
  "has a verifier of webhooks, whose types need nothing of Node's, with %s resolution",
  { timeout: 130_000 },
  (moduleResolution, { skip }) => {
    if (unreachable) skip(unreachable)
    write("shop.ts", receiver)
    write("tsconfig.json", tsconfig(moduleResolution, { types: [], lib: ["es2024", "dom", "dom.iterable"] }))

    const { output } = must(
      run(process.execPath, [join(repository, "node_modules/typescript/bin/tsc")], folder),
    )

    expect(output).toBe("")
  },
)

test("brings the command", { timeout: 130_000 }, ({ skip }) => {
  if (unreachable) skip(unreachable)

  const { output } = must(npm(["exec", "--offline", "--", "carillon", "--help"], folder))

  expect(output).toContain("Usage: carillon")
})

const server = `
import { createCarillon } from "carillon"
import { createServer } from "carillon/server"
const carillon = await createCarillon({ database: ":memory:", logger: false })
const server = createServer(carillon)
const paths = ["/health", "/api/openapi.json", "/api/docs", "/api/docs/swagger-ui-bundle.js"]
const answers = await Promise.all(paths.map((path) => server.fetch(new Request("http://localhost" + path))))
console.log(answers.map(({ status }) => status).join(" "))
await carillon.stop()
`

const shop = `
const database = "file:./" + Date.now() + ".db"
const carillon = await createCarillon({ database, logger: false })
carillon.events.subscribe("order.placed", async (event) => console.log("handled", event.id), { subscriberId: "log" })
await carillon.start()
await carillon.events.emit({ id: "ord_1001", name: "order.placed", data: { total: 120 } })
await carillon.drain()
await carillon.stop()
`

const till = `
import { createClient } from "carillon/client"
const client = createClient({ url: "https://events.shop.example", token: "crl_1" })
const [receipt] = await client.emit({ name: "order.placed", deliverAt: new Date() })
const existing: boolean | undefined = receipt?.existing
for await (const { name } of client.events.list({ limit: 3 })) name satisfies string
// @ts-expect-error there is no such state
client.deliveries.list({ state: "deadly" })
export { existing }
`

const receiver = `
import { verifyWebhook, WebhookVerificationError, type Notifier, type VerifiedWebhook } from "carillon/webhooks"
export async function receive(request: Request): Promise<Response> {
  const body = await request.arrayBuffer()
  try {
    const told: VerifiedWebhook<{ type: string }> = await verifyWebhook({ headers: request.headers, body, secret: "whsec_" })
    return Response.json(told.payload.type)
  } catch (error) {
    return new Response(error instanceof WebhookVerificationError ? error.reason : null, { status: 401 })
  }
}
export type Own = Notifier
// @ts-expect-error a secret is needed
verifyWebhook({ headers: new Headers(), body: "" })
`

function tsconfig(moduleResolution: string, more: object = {}): string {
  const compilerOptions = {
    strict: true,
    noEmit: true,
    target: "es2022",
    module: moduleResolution === "bundler" ? "preserve" : moduleResolution,
    moduleResolution,
    types: ["node"],
    typeRoots: [join(repository, "node_modules/@types")],
    ...more,
  }
  return JSON.stringify({ compilerOptions, files: ["shop.ts"] })
}

interface Ended {
  readonly command: string
  readonly status: number | null
  readonly output: string
}

function npm(args: readonly string[], cwd: string): Ended {
  return process.platform === "win32" ? run("npm.cmd", args, cwd, true) : run("npm", args, cwd)
}

function run(command: string, args: readonly string[], cwd: string, shell = false): Ended {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    shell,
    encoding: "utf8",
    timeout: 120_000,
  })
  return {
    command: [command, ...args].join(" "),
    status,
    output: status === 0 ? stdout : `${stdout}${stderr}`,
  }
}

function must(ended: Ended): Ended {
  if (ended.status !== 0) throw new Error(`${ended.command} ended with ${ended.status}:\n${ended.output}`)
  return ended
}

function write(file: string, text: string): void {
  writeFileSync(join(folder, file), text)
}

function lastLine(output: string): string | undefined {
  return output.trimEnd().split("\n").at(-1)
}
