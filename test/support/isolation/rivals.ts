import type { EngineName } from "../workflow-shop.ts"
import { type Answer, plain, type Wish } from "./answer.ts"
import type { Attempt } from "./attempt.ts"
import { globexIn } from "./fingerprint.ts"
import { matrix } from "./matrix.ts"
import { pathOf, present, type ServedRoute, servedRoutes } from "./served-routes.ts"
import { Stand } from "./stand.ts"
import { ACME, GLOBEX, type Tenant } from "./tenant.ts"

/** What Acme was answered beside Globex, and in a store that never had one. */
export interface Pair {
  readonly beside: Answer
  readonly alone: Answer
}

/** The same requests to two stores: one with Globex in it, and one without. */
export class Rivals {
  readonly routes: ReadonlyMap<string, ServedRoute>
  readonly beside: Stand
  readonly alone: Stand
  readonly theirs: Tenant

  private constructor(routes: ReadonlyMap<string, ServedRoute>, beside: Stand, alone: Stand) {
    this.routes = routes
    this.beside = beside
    this.alone = alone
    this.theirs = beside.globex as Tenant
  }

  static async open(engine: EngineName): Promise<Rivals> {
    const alone = await Stand.open(engine, [ACME])
    const beside = await Stand.open(engine, [ACME, GLOBEX])
    return new Rivals(await servedRoutes(beside.asking), beside, alone)
  }

  route(id: string): ServedRoute {
    const route = this.routes.get(id)
    if (route === undefined) throw new Error(`No route ${id} is served.`)
    return route
  }

  attemptsOf(id: string, { acme }: Stand = this.beside): readonly Attempt[] {
    return matrix[id]?.(acme, this.theirs) ?? []
  }

  /** The n-th attempt of a route, in both stores, with more in its query. */
  async attempt(id: string, nth: number, more: Readonly<Record<string, string>> = {}): Promise<Pair> {
    const [beside, alone] = [this.beside, this.alone].map((stand) => {
      const attempt = this.attemptsOf(id, stand)[nth] as Attempt
      return this.ask(stand, stand.acme.token, { id, attempt, more })
    })
    return { beside: plain((await beside) as Answer), alone: plain((await alone) as Answer) }
  }

  /** A request to both stores as Acme. */
  async both(method: string, path: string, wish: Omit<Wish, "token"> = {}): Promise<Pair> {
    const [beside, alone] = [this.beside, this.alone].map(({ asking, acme: { token } }) =>
      asking.ask(method, path, { ...wish, token }),
    )
    return { beside: (await beside) as Answer, alone: (await alone) as Answer }
  }

  ask(
    { asking }: Stand,
    token: string,
    { id, attempt, more }: { id: string; attempt: Attempt; more?: Readonly<Record<string, string>> },
  ): Promise<Answer> {
    const route = this.route(id)
    const { body, headers = {}, until } = attempt
    const wish = { token, body, headers: present(headers), until }
    return asking.ask(route.method, pathOf(route, attempt, more), wish)
  }

  globexNow(): Promise<readonly string[]> {
    return globexIn(this.beside.shop.place)
  }

  async close(): Promise<void> {
    await Promise.all([this.beside.close(), this.alone.close()])
  }
}
