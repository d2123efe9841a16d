import { isDeepStrictEqual } from "node:util"
import { PROBLEM_TYPE, type Problem, problem } from "../../src/contract/problem.ts"
import type { AnswerOf, BodyInputOf, QueryInputOf, RouteContract } from "../../src/contract/route.ts"
import { documentOf } from "../../src/server/document.ts"
import type { CarillonServer } from "../../src/server/index.ts"

/** What a route is asked with. */
export interface Wish<R extends RouteContract> {
  readonly params?: Readonly<Record<string, string>>
  readonly query?: QueryInputOf<R>
  readonly body?: BodyInputOf<R>
}

export interface Answered<R extends RouteContract> {
  readonly status: number
  readonly body: AnswerOf<R>
  readonly headers: Headers
}

/** Asks routes by their contracts, and holds each answer against what its contract says. */
export class ApiCaller {
  readonly #server: CarillonServer
  readonly #authorization: string

  constructor(server: CarillonServer, token: string) {
    this.#server = server
    this.#authorization = `Bearer ${token}`
  }

  /** @throws Error for a refusal, or an answer that is not as the contract says */
  async ask<R extends RouteContract>(contract: R, wish: Wish<R> = {}): Promise<Answered<R>> {
    const response = await this.#sent(contract, wish)
    const { status, headers } = response
    const body = await bodyOf(response)
    const expected = [contract.status ?? (contract.response === null ? 204 : 200)]
    const statuses = [...expected, ...Object.keys(contract.otherStatuses ?? {}).map(Number)]
    if (!statuses.includes(status))
      throw new Error(`${contract.id} answered ${status}: ${JSON.stringify(body)}`)
    if (contract.response !== null) checkFit(contract.id, contract.response, body)
    else if (body !== undefined) throw new Error(`${contract.id} has no body, and answered with one`)
    return { status, headers, body: body as AnswerOf<R> }
  }

  /** The problem that a request is refused with. @throws Error when it is not refused */
  async refused<R extends RouteContract>(contract: R, wish: Wish<R> = {}): Promise<Problem> {
    const response = await this.#sent(contract, wish)
    const body = await bodyOf(response)
    if (response.status < 400) throw new Error(`${contract.id} answered ${response.status}`)
    const type = response.headers.get("content-type")
    if (type !== PROBLEM_TYPE) throw new Error(`${contract.id} refused with a body of ${type}`)
    checkFit(contract.id, problem, body)
    if (!documented(contract).includes(response.status))
      throw new Error(`${contract.id} refused with ${response.status}, which its document does not say`)
    return body as Problem
  }

  #sent(contract: RouteContract, { params = {}, query, body }: Wish<RouteContract>): Promise<Response> {
    const path = contract.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(params[name] ?? ""),
    )
    const url = new URL(path, "http://carillon.test")
    for (const [name, value] of Object.entries((query ?? {}) as object))
      if (value !== undefined) url.searchParams.set(name, String(value))
    return this.#server.fetch(
      new Request(url, {
        method: contract.method.toUpperCase(),
        headers: {
          authorization: this.#authorization,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        body: body === undefined ? undefined : JSON.stringify(body),
      }),
    )
  }
}

function documented(contract: RouteContract): readonly number[] {
  const operation = documentOf([contract], "").paths?.[contract.path]?.[contract.method as "get"]
  return Object.keys(operation?.responses ?? {}).map(Number)
}

async function bodyOf(response: Response): Promise<unknown> {
  const text = await response.text()
  return text === "" ? undefined : JSON.parse(text)
}

interface Schema {
  safeParse(value: unknown): { success: boolean; data?: unknown; error?: Error }
}

/** A schema leaves out what it does not know: what it knows of the answer has to be all of it. */
function checkFit(id: string, schema: Schema, body: unknown): void {
  const { success, data, error } = schema.safeParse(body)
  if (!success) throw new Error(`${id} does not answer as its contract says: ${error?.message}`)
  if (isDeepStrictEqual(data, body)) return
  throw new Error(
    `${id} answers more than its contract says: ${JSON.stringify(body)} is not ${JSON.stringify(data)}`,
  )
}
