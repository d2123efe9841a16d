import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { expect, it, vi } from "vitest"
import { appOf, run, write } from "../support/app-process.ts"
import { ADMIN, asked, post } from "../support/brands-app.ts"

vi.setConfig({ testTimeout: 60_000 }) // it starts an app as a process

/** A page's files: blocks of TypeScript whose first line names one. */
function filesIn(page: string): Record<string, string> {
  const text = readFileSync(resolve(import.meta.dirname, "../../docs", page), "utf8")
  const files: Record<string, string> = {}
  for (const [, code = ""] of text.matchAll(/^```ts no-check\n([\s\S]*?)^```$/gm)) {
    const name = /^\/\/ (\S+\.ts)\n/.exec(code)?.[1]
    if (name !== undefined) files[name] = code
  }
  return files
}

it("builds an app that syncs brands, from the files of the tutorial alone", async () => {
  const files = filesIn("tutorials/sync-brands.md")
  expect(Object.keys(files)).toHaveLength(13)
  const folder = appOf({})
  // Waiting for midnight is no test.
  const job = files["src/jobs/sync-brands-from-cms.ts"]?.replace('"0 0 * * *"', "{ interval: 1_000 }") ?? ""
  write(folder, { ...files, "src/jobs/sync-brands-from-cms.ts": job })
  const admin = { CARILLON_ADMIN_EMAIL: ADMIN.email, CARILLON_ADMIN_PASSWORD: ADMIN.password }
  const app = run(["dev", folder], { PORT: "0", ...admin })
  const url = /http:\/\/\S+:\d+/.exec(await app.says("HTTP is answered at"))?.[0] ?? ""

  await app.says("info: Synced: 1 brands created, 0 updated.")
  await app.says("info: Synced: 0 brands created, 1 updated.")
  const logIn = await post(`${url}/auth/user/emailpass`, ADMIN, null)
  const { token } = (await logIn.json()) as { token: string }
  const answer = await post(`${url}/admin/brands`, { name: "Acme" }, token)

  expect(answer.status).toBe(200)
  const { brand } = (await answer.json()) as { brand: object }
  await app.says(`info: Request Data: ${JSON.stringify(brand, null, 2)}\ninfo: API Key: "123"\n`)
  const { items } = await asked<{ items: { state: string }[] }>(
    `${folder}/.carillon/carillon.db`,
    "runs",
    "--workflow",
    "sync-brand-to-cms",
  )
  expect(items).toHaveLength(1)
})
