import type { HandlerLogger } from "carillon"

export interface Brand {
  readonly id: string
  readonly name: string
}

export interface CmsOptions {
  readonly url: string
  readonly apiKey: string
  readonly logger: HandlerLogger
}

/** The shop's side of the CMS: what its own code calls. */
export class CmsClient {
  readonly #options: CmsOptions

  constructor(options: CmsOptions) {
    this.#options = options
  }

  async createBrand(
    brand: Brand,
    { idempotencyKey, signal }: { idempotencyKey: string; signal: AbortSignal },
  ): Promise<void> {
    const { url, apiKey, logger } = this.#options
    logger.info("Sending a POST request to /brands.")
    logger.info("Request Data:", brand)
    logger.info(`API Key: "${apiKey}"`)

    const response = await fetch(`${url}/brands`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${apiKey}`,
        "content-type": "application/json",
        "idempotency-key": idempotencyKey,
      },
      body: JSON.stringify(brand),
      signal,
    })
    await response.body?.cancel()

    if (!response.ok) throw new Error(`The CMS answered ${response.status}`)
    logger.info(`The CMS has ${brand.id} (${brand.name}).`)
  }
}
