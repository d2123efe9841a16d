import type { Carillon, CarillonOptions } from "carillon"
import { createServer, type ServerOptions } from "../../src/server/index.ts"
import { type EngineName, WorkflowShop } from "./workflow-shop.ts"

const SECRET = "a-secret-of-a-test-of-more-than-32-letters"

export interface ShopAnswer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of it
  readonly body: any
}

/** A Carillon that answers as a shop does, and whoever asks it. */
export class DoorShop {
  readonly shop: WorkflowShop
  readonly carillon: Carillon
  readonly #server: ReturnType<typeof createServer>
  readonly #admin: string

  private constructor(shop: WorkflowShop, carillon: Carillon, admin: string, options: ServerOptions) {
    this.shop = shop
    this.carillon = carillon
    this.#admin = admin
    this.#server = createServer(carillon, { magento: true, logRequests: false, ...options })
  }

  static async open(
    engine: EngineName,
    {
      server = {},
      ...options
    }: CarillonOptions & { readonly server?: ServerOptions; readonly start?: boolean } = {},
  ): Promise<DoorShop> {
    const shop = await WorkflowShop.open(engine)
    const carillon = await shop.carillon({ secret: SECRET, ...options })
    const { token } = await carillon.identity.tokens.create({ name: "admin", roles: ["admin"] })
    return new DoorShop(shop, carillon, token, server)
  }

  get = (path: string, token?: string): Promise<ShopAnswer> => this.#ask("GET", path, { token })
  delete = (path: string, token?: string): Promise<ShopAnswer> => this.#ask("DELETE", path, { token })
  post = (path: string, body: unknown, token?: string): Promise<ShopAnswer> =>
    this.#ask("POST", path, { body, token })
  put = (path: string, body: unknown, token?: string): Promise<ShopAnswer> =>
    this.#ask("PUT", path, { body, token })
  options = (path: string, headers: Readonly<Record<string, string>>): Promise<ShopAnswer> =>
    this.#ask("OPTIONS", path, { token: "", headers })

  /** A token of somebody with these roles, which are made where they are not there. */
  async token(
    role: { permissions?: readonly string[]; resources?: readonly string[] },
    scopes?: string[],
  ): Promise<string> {
    const name = `role-${Math.floor(performance.now() * 1_000)}`
    const { permissions = [], resources = [] } = role
    await this.carillon.identity.roles.create({ name, permissions: permissions as never[], resources })
    return (await this.carillon.identity.tokens.create({ name, roles: [name], scopes })).token
  }

  async #ask(
    method: string,
    path: string,
    {
      body,
      token = this.#admin,
      headers = {},
    }: { body?: unknown; token?: string; headers?: Readonly<Record<string, string>> },
  ): Promise<ShopAnswer> {
    const response = await this.#server.fetch(
      new Request(`http://carillon.test${path}`, {
        method,
        headers: {
          ...headers,
          ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
      }),
    )
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      body: text === "" ? undefined : JSON.parse(text),
    }
  }

  close(): Promise<void> {
    return this.shop.close()
  }
}
