import type { HandlerLogger } from "../../../bus/events.ts"
import type { Carillon } from "../../../carillon.ts"
import { type ByteLimits, jsonIn, readBytes, refuseCharset } from "../../../http/body.ts"
import { isJson, mediaType } from "../../../http/media-type.ts"
import { pathOf, type Received } from "../../../http/received.ts"
import { Reply } from "../../../http/reply.ts"
import type { SharedRoom } from "../../../http/shared-room.ts"
import type { Access } from "../../../identity/access.ts"
import type { AuditLog } from "../../../identity/audit.ts"
import type { Presented } from "../../../identity/credentials.ts"
import { checkMayDo, stranger } from "./acl.ts"
import { adminTokenRoute } from "./admin-token.ts"
import type { ShopAsked, ShopRoute } from "./asked.ts"
import { asyncEventRoutes } from "./async-events.ts"
import { queryIn } from "./criteria.ts"
import { logRoutes } from "./logs.ts"
import { shopPath } from "./paths.ts"
import { project } from "./projection.ts"
import { noRoute, ShopRefusal } from "./refusals.ts"

export interface ShopDoorOptions {
  readonly carillon: Carillon
  readonly doorkeeper: {
    authenticate(presented: Presented): Promise<Access | null>
    readonly audited: AuditLog["audited"]
  }
  readonly basePath: string // "" = the root
  readonly bodyLimit: number // bytes
  readonly bodies: SharedRoom // bytes
  readonly places: SharedRoom // requests
  readonly logger: HandlerLogger
  /** Of every answer. */
  readonly headers: Readonly<Record<string, string>>
  /** What other errors are answered with. */
  readonly refusalOf: (error: unknown) => {
    readonly problem: { readonly status: number; readonly detail: string }
    readonly headers: Readonly<Record<string, string>>
  }
}

interface ShopCaller {
  readonly address: string
  readonly requestId: string
}

const ROUTES: readonly ShopRoute[] = [...asyncEventRoutes, ...logRoutes, adminTokenRoute]

/**
 * The REST API that shops with async events have, over Carillon's webhooks: same paths, bodies, answers and errors, so
 * that what manages subscriptions in a shop does it here.
 */
export class ShopDoor {
  readonly #options: ShopDoorOptions

  constructor(options: ShopDoorOptions) {
    this.#options = options
  }

  /** Null for what is not of a shop. */
  answer(request: Received, caller: ShopCaller): Promise<Reply> | null {
    const path = pathOf(request)
    const { basePath } = this.#options
    const words = path.startsWith(`${basePath}/`) ? shopPath(path.slice(basePath.length)) : null
    return words === null ? null : this.#answerOrRefuse({ request, caller, words })
  }

  async #answerOrRefuse(coming: Coming): Promise<Reply> {
    try {
      return await this.#answer(coming)
    } catch (error) {
      return this.#refuse(error, coming)
    }
  }

  /** Strangers are turned away before anything of theirs is read. */
  async #answer({ request, caller, words }: Coming): Promise<Reply> {
    if (request.method === "OPTIONS") return this.#methods(words)
    const found = routeOf(request.method, words)
    if (found === null) throw noRoute()
    const access = await this.#admitted(found.route, request, caller)
    const who = `${access.actor.kind} ${access.actor.id}`
    const [place, room] = [this.#options.places.share(who), this.#options.bodies.share(who)]
    try {
      place.take(1)
      const limits = { mostBytes: this.#options.bodyLimit, room }
      const body = found.route.takesBody ? await readJson(request, limits) : undefined
      const query = queryIn(request.target)
      const asked = { carillon: this.#options.carillon, access, named: found.named, query, body }
      const answer = await this.#handled(found.route, { ...asked, address: caller.address, note: () => {} })
      return this.#reply(200, project(answer, query.fields))
    } finally {
      place.free()
      room.free()
    }
  }

  /** Like a shop's, it says nothing of other origins, so that their pages may not ask it. */
  #methods(words: readonly string[]): Reply {
    const methods: string[] = ROUTES.filter((each) => fits(each, words)).map(({ method }) => method)
    if (methods.length === 0) throw noRoute()
    const all = [...methods, ...(methods.includes("GET") ? ["HEAD"] : []), "OPTIONS"]
    const headers = { ...this.#options.headers, allow: all.toSorted().join(", ") }
    return new Reply(null, { status: 204, headers })
  }

  async #admitted({ act }: ShopRoute, request: Received, { address }: ShopCaller): Promise<Access> {
    if (act === null) return NOBODY
    const authorization = request.header("authorization")
    const access = await this.#options.doorkeeper.authenticate({ authorization, address })
    if (access === null) throw stranger()
    checkMayDo(access, act)
    return access
  }

  #handled({ audit, handle }: ShopRoute, asked: ShopAsked): Promise<unknown> {
    if (audit === null) return handle(asked)
    const { access, named } = asked
    const act = { action: audit, target: named === "" ? "async_event" : named, scopes: access.scopes }
    return this.#options.doorkeeper.audited(access, act, (note) => handle({ ...asked, note }))
  }

  #refuse(error: unknown, { request, caller: { requestId } }: Coming): Reply {
    if (error instanceof ShopRefusal) {
      const { status, message, parameters } = error
      return this.#reply(status, isEmpty(parameters) ? { message } : { message, parameters })
    }
    const { problem, headers } = this.#options.refusalOf(error)
    // Shops know no other word for those who may not.
    const status = problem.status === 403 ? 401 : problem.status
    if (status !== 500) return this.#reply(status, { message: problem.detail }, headers)
    const err = error instanceof Error ? error : new Error(String(error))
    this.#options.logger.error(
      { err, requestId },
      `${request.method} ${pathOf(request)} failed: ${err.message}`,
    )
    return this.#reply(500, { message: INTERNAL, parameters: [requestId] })
  }

  #reply(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
    const all = { ...this.#options.headers, ...headers, "content-type": "application/json; charset=utf-8" }
    return new Reply(JSON.stringify(value), { status, headers: all })
  }
}

interface Coming {
  readonly request: Received
  readonly caller: ShopCaller
  readonly words: readonly string[]
}

const INTERNAL = "Internal Error. Details are available in the server's log. Report ID: %1"

/** Who did not have to say who they are. */
const NOBODY: Access = {
  actor: { kind: "process", id: "", name: "nobody" },
  permissions: new Set(),
  scopes: [],
}

function routeOf(method: string, words: readonly string[]): { route: ShopRoute; named: string } | null {
  const asked = method === "HEAD" ? "GET" : method
  const route = ROUTES.find((each) => each.method === asked && fits(each, words))
  return route === undefined ? null : { route, named: words[route.path.indexOf("*")] ?? "" }
}

function fits({ path }: ShopRoute, words: readonly string[]): boolean {
  return path.length === words.length && path.every((each, i) => each === "*" || each === words[i])
}

/** undefined = there is none. */
async function readJson(request: Received, limits: ByteLimits): Promise<unknown> {
  const type = mediaType(request.header("content-type"))
  const bytes = await readBytes(request, limits)
  if (bytes.length === 0) return undefined
  if (!isJson(type))
    throw new ShopRefusal(400, "Server cannot understand Content-Type HTTP header media type %1", [type])
  refuseCharset(request)
  return jsonIn(bytes)
}

function isEmpty(parameters: ShopRefusal["parameters"]): boolean {
  return Object.keys(parameters).length === 0
}
