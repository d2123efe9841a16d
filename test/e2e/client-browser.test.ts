import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createServer } from "node:http"
import { stripTypeScriptTypes } from "node:module"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { json } from "node:stream/consumers"
import { describe, expect, it } from "vitest"
import { apiServerOn } from "../support/api-server.ts"
import { cleanUp } from "../support/app-process.ts"
import { skipAloud } from "../support/describe.ts"

const src = resolve(import.meta.dirname, "../../src")
const browser = ["chromium", "chromium-browser", "google-chrome"].find(
  (name) => spawnSync(name, ["--version"]).status === 0,
)

interface Page {
  readonly origin: string
  readonly said: Promise<unknown>
}

/** A page that does this and says what came of it, and the modules that it asks for, as a build leaves them. */
async function pageThat(script: string): Promise<Page> {
  const { promise: said, resolve: say } = Promise.withResolvers<unknown>()
  const page = `<!doctype html><title>Till</title><script type="module">
    const run = async () => { ${script} }
    const said = await run().catch((error) => ({ error: String(error), code: error.code }))
    await fetch("/said", { method: "POST", body: JSON.stringify(said) })
  </script>`
  const server = createServer(async (incoming, outgoing) => {
    const { url = "/" } = incoming
    const file = join(src, url)
    if (url === "/said") {
      say(await json(incoming))
      outgoing.end()
    } else if (url === "/") outgoing.setHeader("content-type", "text/html").end(page)
    else if (!file.endsWith(".ts") || !existsSync(file)) outgoing.writeHead(404).end()
    else
      outgoing
        .setHeader("content-type", "text/javascript")
        .end(stripTypeScriptTypes(readFileSync(file, "utf8")))
  })
  await once(server.listen(0, "127.0.0.1"), "listening")
  cleanUp(() => server.close())
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, said }
}

/** Lets a browser in, and waits for what the page says; what it is told stands where no server reads it. */
async function visit({ origin, said }: Page, told: object): Promise<unknown> {
  const profile = mkdtempSync(join(tmpdir(), "carillon-browser-"))
  cleanUp(() => rmSync(profile, { recursive: true, force: true, maxRetries: 5 }))
  const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
  const address = `${origin}/#${encodeURIComponent(JSON.stringify(told))}`
  const args = [...flags, `--user-data-dir=${profile}`, address]
  const child = spawn(browser as string, args, { stdio: "ignore" })
  try {
    return await said
  } finally {
    child.kill("SIGTERM")
    await once(child, "exit")
  }
}

const asFor =
  browser === undefined
    ? skipAloud.bind(null, "a page", "There is no Chromium.")
    : describe.bind(null, "a page")

asFor(() => {
  it("emits, lists and follows by a client in the browser, where the server lets its origin in", async () => {
    const page = await pageThat(`
      const { createClient } = await import("/client/index.ts")
      const client = createClient(JSON.parse(decodeURIComponent(location.hash.slice(1))))
      const order = { name: "order.placed", id: "ord_1001", data: { total: 40 } }
      const [receipt] = await client.emit([order, { name: "order.paid" }])
      const names = []
      for await (const { name } of client.events.list({ limit: 1 })) names.push(name)
      const followed = []
      for await (const { event } of client.stream({ since: new Date(0), kind: "event" }))
        if (followed.push(event.name) === 2) break
      const refused = await client.users.list().page().catch((error) => error)
      return { receipt, names, followed, status: refused.status, code: refused.code, isNamed: refused.requestId !== null }
    `)
    const { carillon, url, token } = await apiServerOn("sqlite", { server: { cors: [page.origin] } })
    const options = { url, token: await token("developer") }

    expect(await visit(page, options)).toEqual({
      receipt: { id: "ord_1001", existing: false },
      names: ["order.paid", "order.placed"],
      followed: ["order.placed", "order.paid"],
      status: 403,
      code: "CARILLON_FORBIDDEN",
      isNamed: true,
    })
    expect((await carillon.listEvents()).items).toHaveLength(2)
  })

  it("of another origin gets nothing", async () => {
    const page = await pageThat(`
      const { createClient } = await import("/client/index.ts")
      const { url, token } = JSON.parse(decodeURIComponent(location.hash.slice(1)))
      return createClient({ url, token, retries: 0 }).emit({ name: "order.placed" })
    `)
    const { carillon, url, token } = await apiServerOn("sqlite", {
      server: { cors: ["https://shop.example"] },
    })
    const options = { url, token: await token("developer") }

    expect(await visit(page, options)).toMatchObject({
      code: "CARILLON_UNREACHABLE",
    })
    expect((await carillon.listEvents()).items).toEqual([])
  })
})
