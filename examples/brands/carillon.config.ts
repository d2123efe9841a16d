import { defineConfig } from "carillon"
import { CmsClient } from "./cms/client"
import { type CmsServer, startCms } from "./cms/server"

export default defineConfig({
  group: "brands-example",

  services: {
    // The third party. It runs in this process only so that the example needs nothing else.
    cmsServer: () => startCms({ failures: Number(process.env.CMS_FAILS ?? 0) }),
    cms: (container) =>
      new CmsClient({
        url: container.resolve<CmsServer>("cmsServer").url,
        apiKey: "123",
        logger: container.resolve("logger"),
      }),
  },

  async onStart({ carillon, occasion, command }) {
    if (occasion === "reload") return
    const id = `brand_${Date.now().toString(36)}`
    const receipts = await carillon.emit({ name: "brand.created", data: { id, name: "Acme" } })
    if (occasion === "once") return receipts

    await carillon.drain()
    const emit = command("emit", "brand.created", JSON.stringify({ id: "brand_2", name: "Umbrella" }))
    carillon.logger.info(`Now create a brand yourself, in another terminal:\n  ${emit}`)
    return receipts
  },
})
