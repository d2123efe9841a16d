import { defineConfig } from "carillon"
import { LocalCms } from "./cms/server"
import { createBrandWorkflow } from "./src/workflows/create-brand"

// The user of this example. In production both come from the environment, or from `carillon user create`.
process.env.CARILLON_ADMIN_EMAIL ||= "admin@example.com"
process.env.CARILLON_ADMIN_PASSWORD ||= "supersecret"

export default defineConfig({
  group: "brands-example",

  modules: [
    { resolve: "./src/modules/brand" },
    {
      resolve: "./src/modules/cms",
      options: {
        apiKey: process.env.CMS_API_KEY || "123",
        // The third party. It runs in this process only so that the example needs nothing else.
        url: process.env.CMS_URL || cmsHere(),
      },
    },
  ],

  async onStart({ carillon, container, occasion, url }) {
    if (occasion === "once") {
      await createBrandWorkflow(container).run({ input: { name: "Acme" } })
      const { items } = await carillon.listEvents({ name: "brand.created", limit: 1 })
      return items.map(({ id }) => ({ id, existing: false }))
    }
    if (occasion === "start" && url !== null)
      carillon.logger.info(`Create a brand, in another terminal:\n${howTo(url)}`)
    return []
  },
})

function cmsHere(): () => Promise<string> {
  const cms = new LocalCms({ failures: Number(process.env.CMS_FAILS ?? 0) })
  return () => cms.url()
}

function howTo(url: string): string {
  const user = JSON.stringify({
    email: process.env.CARILLON_ADMIN_EMAIL,
    password: process.env.CARILLON_ADMIN_PASSWORD,
  })
  const json = `-H 'Content-Type: application/json'`
  const token = `sed -E 's/.*"token":"([^"]+)".*/\\1/'`
  return [
    `  TOKEN=$(curl -s -X POST ${url}/auth/user/emailpass ${json} -d '${user}' | ${token})`,
    `  curl -X POST ${url}/admin/brands ${json} -H "Authorization: Bearer $TOKEN" -d '{"name":"Acme"}'`,
  ].join("\n")
}
