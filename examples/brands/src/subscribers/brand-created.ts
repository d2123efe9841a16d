import type { SubscriberArgs, SubscriberConfig } from "carillon"
import type { Brand, CmsClient } from "../../cms/client"

export default async function brandCreatedHandler({
  event: { data },
  container,
  deliveryId,
  signal,
}: SubscriberArgs<Brand>) {
  const cms: CmsClient = container.resolve("cms")

  // A crash may repeat a delivery; under the same key the CMS creates the brand only once.
  await cms.createBrand(data, { idempotencyKey: deliveryId, signal })
}

export const config: SubscriberConfig = {
  event: "brand.created",
  policy: { retries: 5, initialBackoffDelay: 1_000, timeout: 3_000 },
}
