import { isDeepStrictEqual } from "node:util"
import type { HandlerLogger } from "../bus/events.ts"
import type { Carillon } from "../carillon.ts"
import type { RouteContract } from "../contract/route.ts"
import { codeOf } from "../core/errors.ts"
import type { Room } from "../http/body.ts"
import { HttpError } from "../http/http-error.ts"
import { pathOf, type Received } from "../http/received.ts"
import { Reply } from "../http/reply.ts"
import type { SharedRoom } from "../http/shared-room.ts"
import { type Access, isAllowed } from "../identity/access.ts"
import { BusyLog } from "./busy-log.ts"
import { Cors } from "./cors.ts"
import { cursorsOf } from "./cursors.ts"
import { type ApiDocument, documentOf } from "./document.ts"
import { refusalOf, replyOf } from "./problem.ts"
import { checkAllowed, scopesOf } from "./reach.ts"
import { readAskedBody, readUrl } from "./reading.ts"
import { Router } from "./router.ts"
import type { Asked, Served } from "./served.ts"

/** Who asks, and what is written down of what they do. */
export interface Doorkeeper {
  /** null = nobody whom we know. */
  authenticate(request: {
    readonly authorization: string | null
    readonly address: string
    readonly connection: object | null
  }): Promise<Access | null>
  audited<T>(access: Access, act: AuditedAct, work: (note: Note) => Promise<T>): Promise<T>
  /** The first seals cursors, all open them; the same in every process of an installation. */
  readonly cursorKeys: () => Promise<readonly Uint8Array[]>
}

export interface AuditedAct {
  readonly action: string
  readonly target: string
  readonly scopes: Asked["scopes"]
}

/** Adds to the entry that is being written. */
type Note = Asked["note"]

export interface ApiOptions {
  readonly carillon: Carillon
  readonly doorkeeper: Doorkeeper
  readonly routes: readonly Served[]
  readonly logger: HandlerLogger
  readonly basePath: string // "" = the root
  readonly bodyLimit: number // bytes
  readonly bodies: SharedRoom // bytes
  readonly places: SharedRoom // requests
  readonly cors: readonly string[]
}

/** Where a request comes from, and what it is called in the log. */
export interface Caller {
  readonly address: string
  readonly requestId: string
}

/** Answers what was asked at a path. */
type Answering = (within: Within) => Promise<Reply>

/** One request on its way to an answer. */
interface Within {
  readonly request: Received
  readonly caller: Caller
  readonly params: Record<string, string>
}

/** The routes of the API, each behind the same checks: known, allowed, well formed. */
export class Api {
  readonly #options: ApiOptions
  #cursorKeys: readonly Uint8Array[] | null = null // null = nobody has needed them yet
  readonly #router = new Router<Answering>()
  readonly #cors: Cors
  readonly #busyLog: BusyLog

  constructor(options: ApiOptions) {
    const { routes, basePath } = options
    this.#options = options
    this.#busyLog = new BusyLog(options.logger, () => performance.now())
    this.#cors = new Cors({ origins: options.cors, exposed: EXPOSED })
    for (const served of routes)
      this.#router.add(served.contract.method.toUpperCase(), basePath + served.contract.path, (within) =>
        this.#answer(served, within),
      )
    for (const [path, methods] of methodsByPath(routes))
      this.#router.add("ALL", basePath + path, othersRefused(methods))
  }

  async answer(request: Received, caller: Caller): Promise<Reply> {
    return (
      this.#cors.preflight(request) ?? this.#cors.allow(request, await this.#answerOrRefuse(request, caller))
    )
  }

  async #answerOrRefuse(request: Received, caller: Caller): Promise<Reply> {
    try {
      const { method, target } = request
      const found = this.#router.find(method === "HEAD" ? "GET" : method, target)
      if (found === null) throw new HttpError(404, "There is no such route.")
      return await found.what({ request, caller, params: found.params })
    } catch (error) {
      return this.#refuse(error, request, caller)
    }
  }

  document(): ApiDocument {
    return documentOf(
      this.#options.routes.map(({ contract }) => contract),
      this.#options.basePath,
    )
  }

  /** Strangers are turned away before anything of theirs is read. */
  async #answer(served: Served, within: Within): Promise<Reply> {
    const access = await this.#admitted(served.contract, within)
    const who = access.actor.id // says of which kind it is, too
    const place = this.#options.places.share(who)
    const bodies = this.#options.bodies.share(who)
    try {
      if (canBeHeld(served.contract)) place.take(1)
      return await this.#answerTo(served, within, { access, bodies })
    } finally {
      place.free()
      bodies.free()
    }
  }

  async #answerTo(served: Served, within: Within, { access, bodies }: Admitted): Promise<Reply> {
    const { contract } = served
    const { request, caller } = within
    const { params, query } = readUrl(contract, request, within.params)
    const wanted = (query as { scope?: string } | undefined)?.scope
    const scopes = scopesOf(access, wanted)
    const { carillon } = this.#options
    const cursors = cursorsOf(hasCursors(contract) ? await this.#keys() : [], contract.id, scopes)
    const isStillAllowed = (): Promise<boolean> => this.#isStillAllowed(contract, within, access)
    const body = await this.#bodyOf(served, request, bodies)
    const asked = {
      carillon,
      access,
      scopes,
      params,
      query,
      body,
      request,
      address: caller.address,
      cursors,
      note: () => {}, // where nothing is written there is nothing to add to
      isStillAllowed,
    } as Asked
    const answer = await this.#handled(served, asked)
    return answer instanceof Reply ? answer : jsonReply(contract, answer)
  }

  async #admitted(contract: RouteContract, from: From): Promise<Access> {
    if (contract.reach === "open") return NOBODY
    const access = await this.#known(from)
    if (access === null)
      throw new HttpError(
        401,
        "Expected `Authorization` with a credential that is good, got none or another.",
        {
          headers: { "www-authenticate": "Bearer" },
        },
      )
    checkAllowed(access, contract)
    return access
  }

  #known({ request, caller }: From): Promise<Access | null> {
    const authorization = request.header("authorization")
    const { connection } = request
    return this.#options.doorkeeper.authenticate({ authorization, address: caller.address, connection })
  }

  async #isStillAllowed(contract: RouteContract, from: From, before: Access): Promise<boolean> {
    const access = await this.#known(from)
    if (access === null || !isDeepStrictEqual(access.scopes, before.scopes)) return false
    return contract.permission === null || isAllowed(access, contract.permission)
  }

  #bodyOf({ contract, read }: Served, request: Received, room: Room): Promise<unknown> {
    const limits = { mostBytes: this.#options.bodyLimit, room }
    return read === undefined ? readAskedBody(contract, request, limits) : read(request, limits)
  }

  #handled({ contract, handle }: Served, asked: Asked): Promise<unknown> {
    const { audit } = contract
    if (audit === undefined) return handle(asked)
    const act = actOf(contract, audit, asked)
    return this.#options.doorkeeper.audited(asked.access, act, (note) => handle({ ...asked, note }))
  }

  async #keys(): Promise<readonly Uint8Array[]> {
    this.#cursorKeys ??= await this.#options.doorkeeper.cursorKeys()
    return this.#cursorKeys
  }

  #refuse(error: unknown, request: Received, { requestId }: Caller): Reply {
    const refusal = refusalOf(error)
    if (isBusy(error)) this.#busyLog.turnedAway(refusal.problem.detail)
    else if (refusal.problem.status >= 500) {
      const err = error instanceof Error ? error : new Error(String(error))
      const text = `${request.method} ${pathOf(request)} failed: ${err.message}`
      this.#options.logger.error({ err, requestId }, text)
    }
    return replyOf({ ...refusal, headers: { ...SAFE_HEADERS, ...refusal.headers } })
  }
}

type From = Pick<Within, "request" | "caller">

interface Admitted {
  readonly access: Access
  readonly bodies: Room
}

/** Answers those who ask for a path with a method that it does not have. */
function othersRefused(methods: readonly string[]): Answering {
  const allow = [...new Set([...methods, ...(methods.includes("GET") ? ["HEAD"] : []), "OPTIONS"])]
    .sort()
    .join(", ")
  return async ({ request }) => {
    if (request.method === "OPTIONS")
      return new Reply(null, { status: 204, headers: { ...SAFE_HEADERS, allow } })
    throw new HttpError(405, `Expected one of ${allow} here.`, { headers: { allow } })
  }
}

/** Only then keys are needed. */
function hasCursors({ query }: RouteContract): boolean {
  return query !== undefined && ("cursor" in query.shape || "after" in query.shape)
}

/** What strangers cannot keep waiting by sending slowly needs no place: whether we live can always be asked. */
function canBeHeld({ reach, body }: RouteContract): boolean {
  return reach !== "open" || body !== undefined
}

/** Nothing is wrong then but that there is too much of it. */
function isBusy(error: unknown): boolean {
  return error instanceof HttpError ? error.status === 503 : codeOf(error) === "CARILLON_OVERLOADED"
}

/** Who did not have to say who they are. */
const NOBODY: Access = {
  actor: { kind: "process", id: "", name: "nobody" },
  permissions: new Set(),
  scopes: [],
}

/** What pages of other origins may read of an answer, beside its body. */
const EXPOSED = ["X-Request-Id", "Location", "Retry-After", "Link"] as const

/** Nothing that we answer is a page, a frame or something to keep. */
export const SAFE_HEADERS: Readonly<Record<string, string>> = Object.freeze({
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
})

function jsonReply({ response, status }: RouteContract, value: unknown): Reply {
  if (response === null) return new Reply(null, { status: status ?? 204, headers: { ...SAFE_HEADERS } })
  const headers = { ...SAFE_HEADERS, "content-type": "application/json" }
  return new Reply(JSON.stringify(value), { status: status ?? 200, headers })
}

/** Who asked for a scope that is not theirs has done that in their own: what has no scope is everybody's to see. */
function actOf({ path }: RouteContract, action: string, { params, scopes, access }: Asked): AuditedAct {
  const named = Object.values((params ?? {}) as Record<string, string>)
  const target = named.length > 0 ? named.join(" ") : path
  return { action, target, scopes: scopes.length === 0 ? access.scopes : scopes }
}

function methodsByPath(routes: readonly Served[]): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const { contract } of routes)
    found.set(contract.path, [...(found.get(contract.path) ?? []), contract.method.toUpperCase()])
  return found
}
