import type { Carillon, CarillonOptions } from "carillon"
import { createServer } from "../../src/server/index.ts"
import { ApiCaller } from "./ask-api.ts"
import { type EngineName, WorkflowShop } from "./workflow-shop.ts"

const SECRET = "a-secret-of-a-test-of-more-than-32-letters"

/** A shop whose API is asked in this process; its credentials have roles and scopes. */
export class ApiShop {
  readonly shop: WorkflowShop
  readonly carillon: Carillon
  /** May do everything. */
  readonly admin: ApiCaller
  readonly #server: ReturnType<typeof createServer>

  private constructor(shop: WorkflowShop, carillon: Carillon, token: string) {
    this.shop = shop
    this.carillon = carillon
    this.#server = createServer(carillon, { logRequests: false })
    this.admin = new ApiCaller(this.#server, token)
  }

  static async open(
    engine: EngineName,
    options: CarillonOptions & { readonly start?: boolean } = {},
  ): Promise<ApiShop> {
    const shop = await WorkflowShop.open(engine)
    const carillon = await shop.carillon({ secret: SECRET, ...options })
    const { token } = await carillon.identity.tokens.create({ name: "admin", roles: ["admin"] })
    return new ApiShop(shop, carillon, token)
  }

  /** Somebody with a role, bound to scopes. */
  async bound(scopes: readonly string[], role = "admin"): Promise<ApiCaller> {
    const { token } = await this.carillon.identity.tokens.create({ name: role, roles: [role], scopes })
    return new ApiCaller(this.#server, token)
  }

  /** Somebody with a token that came from elsewhere. */
  with(token: string): ApiCaller {
    return new ApiCaller(this.#server, token)
  }

  close(): Promise<void> {
    return this.shop.close()
  }
}
