import { Listener } from "../../src/http/listener.ts"
import { type Carillon, type CarillonOptions, createCarillon } from "../../src/index.ts"
import { type CarillonServer, createServer, type ServerOptions } from "../../src/server/index.ts"
import { writtenProblem } from "../../src/server/problem.ts"
import { cleanUp } from "./app-process.ts"
import { placeOn } from "./place.ts"

export interface ApiServer {
  readonly carillon: Carillon
  readonly server: CarillonServer
  readonly listener: Listener
  readonly url: string
  readonly port: number
  /** A token of these roles and scopes. */
  token(role: string, scopes?: "all" | readonly string[]): Promise<string>
  /** Asks with a token for everything, unless there is another in the headers. */
  ask(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Response>
}

export interface ApiServerOptions {
  readonly carillon?: CarillonOptions
  readonly server?: ServerOptions
  readonly requestTimeoutMs?: number
  /** By Node's own requests, or by web requests that are made of them. @defaultValue `node` */
  readonly road?: "node" | "fetch"
}

/** The API over a real socket, on a database of its own. */
export async function apiServerOn(
  engine: "sqlite" | "postgres",
  { carillon: given, server: options, requestTimeoutMs = 5_000, road = "node" }: ApiServerOptions = {},
): Promise<ApiServer> {
  const place = await placeOn(engine, "api")
  cleanUp(() => place.remove())
  const carillon = await createCarillon({ database: place.database, logger: false, secret: SECRET, ...given })
  cleanUp(() => carillon.stop())
  const server = createServer(carillon, options)
  const listener = await Listener.open(
    { host: "127.0.0.1", port: 0, requestTimeoutMs, refusal: writtenProblem },
    road === "node" ? server : server.fetch,
  )
  cleanUp(() => Promise.all([server.close(0), listener.close(0)]))
  const { url, port } = listener
  const token: ApiServer["token"] = async (role, scopes = "all") =>
    (await carillon.identity.tokens.create({ name: role, roles: [role], scopes })).token
  const admin = `Bearer ${await token("admin")}`
  const ask: ApiServer["ask"] = (method, path, body, headers = {}) =>
    fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: admin,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      body: body === undefined || typeof body === "string" ? body : JSON.stringify(body),
    })
  return { carillon, server, listener, url, port, token, ask }
}

const SECRET = "the-secret-of-a-test-with-32-characters-and-more"
