import { once } from "node:events"
import { connect, createServer, type Socket } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { newContainer } from "../../container.ts"
import { Door } from "./door.ts"
import { NO_MIDDLEWARES } from "./middlewares.ts"
import { type HttpOptions, resolveHttp } from "./options.ts"
import { type Route, type RouteHandler, readRoute } from "./route.ts"
import { HttpServer } from "./server.ts"

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

const options = (given: object = {}): HttpOptions =>
  resolveHttp("carillon.config.ts", { port: 0, ...given }, {})

function doorOf(handlers: Readonly<Record<string, RouteHandler>>, given: object = {}): Door {
  const nothing = (): void => {}
  return new Door({
    routes: Object.entries(handlers).map(
      ([place, handler]) => readRoute(place, `${place}/route.ts`, { GET: handler, POST: handler }) as Route,
    ),
    middlewares: NO_MIDDLEWARES,
    container: newContainer(),
    logger: { debug: nothing, info: nothing, warn: nothing, error: nothing },
    http: options(given),
    authenticate: async () => {
      throw new Error("Nobody is asked here")
    },
  })
}

async function setup(given: object = {}) {
  const server = new HttpServer()
  cleanups.push(() => server.close(0))
  await server.listen(options(given))
  const port = Number(new URL(server.url ?? "").port)
  const open = (handlers: Readonly<Record<string, RouteHandler>>): void =>
    server.open(doorOf(handlers, given), null, async () => true)
  return { server, port, open, get: (path: string) => fetch(`${server.url}${path}`) }
}

/** A client that says byte by byte what it likes. */
async function speak(
  port: number,
  host = "127.0.0.1",
): Promise<{ socket: Socket; heard: () => string; closed: Promise<unknown> }> {
  const socket = connect(port, host)
  cleanups.push(() => socket.destroy())
  let heard = ""
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    heard += chunk
  })
  socket.on("error", () => {})
  const closed = once(socket, "close")
  await once(socket, "connect")
  return { socket, heard: () => heard, closed }
}

const said = async (port: number, text: string): Promise<string> => {
  const { socket, heard, closed } = await speak(port)
  socket.write(text)
  await closed
  return heard()
}

/** A handler that waits until it is told to go on. */
function gate() {
  const { promise: open, resolve: go } = Promise.withResolvers<void>()
  const { promise: entered, resolve: enter } = Promise.withResolvers<void>()
  const handler: RouteHandler = async (_, res) => {
    enter()
    await open
    res.json("through")
  }
  return { handler, go, entered }
}

describe("the server", () => {
  it("says that it lives while its app starts, and that it is ready once the app is", async () => {
    const { open, get } = await setup()

    expect((await get("/health")).status).toBe(200)
    expect((await get("/ready")).status).toBe(503)
    const early = await get("/store/brands")
    expect([early.status, early.headers.get("retry-after")]).toEqual([503, "1"])
    expect(await early.json()).toMatchObject({ type: "unavailable" })

    open({ "store/brands": (_, res) => res.json([]) })

    expect((await get("/ready")).status).toBe(200)
    expect((await get("/store/brands")).status).toBe(200)
  })

  it("listens on both addresses of localhost", async () => {
    const { port } = await setup()

    for (const host of ["127.0.0.1", "[::1]"])
      expect((await fetch(`http://${host}:${port}/health`)).status).toBe(200)
  })

  it("says which port is taken, and how to choose another", async () => {
    const other = createServer().listen(0, "127.0.0.1")
    await once(other, "listening")
    cleanups.push(() => other.close())
    const { port } = other.address() as { port: number }

    const refusal = await new HttpServer().listen(options({ port })).catch((error: Error) => error)

    expect(refusal).toMatchObject({ code: "CARILLON_CONFIG" })
    expect((refusal as Error).message).toContain(`port ${port} of localhost`)
    expect((refusal as Error).message).toContain(`PORT=${port + 1}`)
  })

  it("says which host is none of this machine's", async () => {
    const refusal = new HttpServer().listen(options({ host: "192.0.2.1" }))

    await expect(refusal).rejects.toMatchObject({ code: "CARILLON_CONFIG", message: /192\.0\.2\.1.*`HOST`/ })
  })

  it("keeps those inside and those who come while one app follows the other", async () => {
    const { server, open, get } = await setup()
    const { handler, go, entered } = gate()
    open({ slow: handler })
    const inside = get("/slow")
    await entered

    const exchanged = server.exchange(10_000)
    const waiting = get("/brands")
    go()
    await exchanged

    expect(await (await inside).json()).toBe("through")
    open({ brands: (_, res) => res.json("new version") })
    expect(await (await waiting).json()).toBe("new version")
  })

  it("moves to another port without a request lost, or stays where the new one is taken", async () => {
    const { server, port, open, get } = await setup()
    open({ brands: (_, res) => res.json([]) })
    const free = await setup()
    await free.server.close(0)

    await server.listen(options({ port: free.port }))
    expect((await get("/brands")).status).toBe(200)
    expect(server.url).toContain(String(free.port))

    const other = createServer().listen(port, "127.0.0.1")
    cleanups.push(() => other.close())
    await once(other, "listening")
    await expect(server.listen(options({ port }))).rejects.toMatchObject({ code: "CARILLON_CONFIG" })
    expect((await get("/brands")).status).toBe(200)
  })

  it("lets those inside end when it closes, and takes nobody new", async () => {
    const { server, port, open, get } = await setup()
    const { handler, go, entered } = gate()
    open({ slow: handler })
    const inside = get("/slow")
    await entered

    const closed = server.close(10_000)

    await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow()
    go()
    const response = await inside
    expect(await response.json()).toBe("through")
    expect(response.headers.get("connection")).toBe("close")
    await closed
  })

  it("does not wait longer than its grace for who never ends", async () => {
    const { server, open, get } = await setup()
    const { handler, entered } = gate()
    open({ slow: handler })
    const inside = get("/slow").catch(() => "cut off")
    await entered

    const startedAt = performance.now()
    await server.close(100)

    expect(performance.now() - startedAt).toBeLessThan(5_000)
    expect(await inside).toBe("cut off")
  })

  it("is not kept by connections that have nothing to do", async () => {
    const { server, port } = await setup()
    const idle = await speak(port)
    const used = await speak(port)
    used.socket.write("GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
    await once(used.socket, "data")

    await server.close(60_000)

    await Promise.all([idle.closed, used.closed])
  })
})

describe("a client without manners", () => {
  it("that sends its request too slowly is sent away", async () => {
    const { port, open } = await setup({ requestTimeoutMs: 300 })
    open({ brands: (req, res) => res.json(req.body) })
    const { socket, heard, closed } = await speak(port)

    socket.write(
      "POST /brands HTTP/1.1\r\nHost: a\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{",
    )

    await closed
    expect(heard()).toMatch(/^HTTP\/1\.1 4\d\d .*"type":/s)
  })

  it("that sends its headers too slowly is sent away", async () => {
    const { port } = await setup({ requestTimeoutMs: 300 })
    const { socket, heard, closed } = await speak(port)

    socket.write("GET /health HTTP/1.1\r\nHost: a\r\nx-slow: ")

    await closed
    expect(heard()).toMatch(/^HTTP\/1\.1 408 .*"type":"timeout"/s)
  })

  it("that goes away in the middle of its body leaves the server well", async () => {
    const { port, open, get } = await setup()
    open({ brands: (req, res) => res.json(req.body) })
    const { socket, closed } = await speak(port)

    socket.write(
      "POST /brands HTTP/1.1\r\nHost: a\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{",
    )
    socket.destroy()
    await closed

    expect((await get("/brands")).status).toBe(200)
  })

  it.each([
    ["no HTTP", "hello\r\n\r\n", 400],
    ["a method that is none", "SMASH /brands HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    [
      "two lengths",
      "POST /brands HTTP/1.1\r\nHost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
      400,
    ],
    [
      "a length beside chunks",
      "POST /brands HTTP/1.1\r\nHost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
      400,
    ],
    ["a header with a line break", "GET /brands HTTP/1.1\r\nHost: a\r\nx-evil: a\rb\r\n\r\n", 400],
    ["endless headers", `GET /brands HTTP/1.1\r\nHost: a\r\nx-long: ${"x".repeat(50_000)}\r\n\r\n`, 431],
    ["a host that is none", "GET /brands HTTP/1.1\r\nHost: a/b@c\r\nconnection: close\r\n\r\n", 400],
    ["a path with backslashes", "GET /\\..\\admin HTTP/1.1\r\nHost: a\r\nconnection: close\r\n\r\n", 400],
  ])("that sends %s is refused in the one shape", async (_, text, status) => {
    const { port, open } = await setup()
    open({ brands: (_, res) => res.json([]) })

    const answered = await said(port, text)

    expect(answered).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(JSON.parse(answered.split("\r\n\r\n")[1] ?? "")).toMatchObject({
      type: expect.any(String),
      message: expect.any(String),
    })
  })

  it("that sends more than it may is told, and let go", async () => {
    const { port, open } = await setup()
    open({ brands: (req, res) => res.json(req.body) })

    const head =
      "POST /brands HTTP/1.1\r\nHost: a\r\ncontent-type: application/json\r\ncontent-length: 900000000\r\n\r\n"
    const answered = await said(port, head + "x".repeat(200_000))

    expect(answered).toMatch(/^HTTP\/1\.1 413 /)
  })
})

describe("the address of a client", () => {
  const seen = (given: object, forwarded?: string) =>
    setup(given).then(async ({ open, server }) => {
      open({ me: (req, res) => res.json(req.ip) })
      const headers = forwarded === undefined ? {} : { "x-forwarded-for": forwarded }
      return (await fetch(`${server.url}/me`, { headers })).json()
    })

  it("is that of the connection, whatever it claims", async () => {
    expect(await seen({ host: "127.0.0.1" }, "203.0.113.9")).toBe("127.0.0.1")
  })

  it("is what the proxies say that are ours, and nothing before", async () => {
    expect(await seen({ host: "127.0.0.1", proxies: 1 }, "1.1.1.1, 203.0.113.9")).toBe("203.0.113.9")
    expect(await seen({ host: "127.0.0.1", proxies: 2 }, "1.1.1.1, 203.0.113.9, 10.0.0.1")).toBe(
      "203.0.113.9",
    )
    expect(await seen({ host: "127.0.0.1", proxies: 1 }, "not an address")).toBe("127.0.0.1")
    expect(await seen({ host: "127.0.0.1", proxies: 1 })).toBe("127.0.0.1")
  })
})
