import type { HandlerLogger } from "carillon"

export type ModuleOptions = {
  apiKey: string
  /** Where the CMS answers. Without it, requests are only logged. */
  url?: string | (() => Promise<string>)
}

type InjectedDependencies = {
  logger: HandlerLogger
}

class CmsModuleService {
  private options_: ModuleOptions
  private logger_: HandlerLogger

  constructor({ logger }: InjectedDependencies, options: ModuleOptions) {
    this.logger_ = logger
    this.options_ = options
  }

  private async sendRequest(path: string, method: string, data?: unknown): Promise<unknown> {
    this.logger_.info(`Sending a ${method} request to ${path}.`)
    this.logger_.info(`Request Data: ${JSON.stringify(data, null, 2)}`)
    this.logger_.info(`API Key: ${JSON.stringify(this.options_.apiKey, null, 2)}`)

    const { url, apiKey } = this.options_
    if (url === undefined) return []

    const response = await fetch(`${typeof url === "string" ? url : await url()}${path}`, {
      method,
      headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
      body: data === undefined ? undefined : JSON.stringify(data),
      signal: AbortSignal.timeout(3_000),
    })
    if (!response.ok) throw new Error(`The CMS answered ${response.status}`)
    return response.status === 200 ? response.json() : undefined
  }

  async createBrand(brand: Record<string, unknown>) {
    await this.sendRequest("/brands", "POST", brand)
  }

  async deleteBrand(id: string) {
    await this.sendRequest(`/brands/${id}`, "DELETE")
  }

  async retrieveBrands(): Promise<Record<string, unknown>[]> {
    return (await this.sendRequest("/brands", "GET")) as Record<string, unknown>[]
  }
}

export default CmsModuleService
