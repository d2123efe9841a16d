import { cpSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { appOf, type Running, run } from "./app-process.ts"

const root = resolve(import.meta.dirname, "../..")
const EXAMPLE = join(root, "examples/brands")

/** Who may log in to the example. */
export const ADMIN = { email: "admin@example.com", password: "supersecret" }

/** The example as it is, in a folder of its own; `settings` stand over those of its configuration. */
export function brandsFolder(settings: Readonly<Record<string, unknown>> = {}): string {
  const folder = appOf({})
  cpSync(EXAMPLE, folder, { recursive: true, filter: (file) => !/\.carillon|node_modules/.test(file) })
  cpSync(join(EXAMPLE, "carillon.config.ts"), join(folder, "brands.config.ts"))
  const lines = [
    'import brands from "./brands.config"',
    `export default { ...brands, ...${JSON.stringify(settings)} }`,
  ]
  writeFileSync(join(folder, "carillon.config.ts"), `${lines.join("\n")}\n`)
  return folder
}

export interface BrandsApp extends Running {
  readonly url: string
  /** What it printed when it was ready. */
  readonly greeting: string
  /** Logs in as the example's user. */
  token(): Promise<string>
  /** POSTs to /admin/brands; `null` = without a token. */
  create(body: unknown, token: string | null): Promise<Response>
}

/** Runs the example until it answers. */
export async function startBrands(
  folder: string,
  env: Readonly<Record<string, string>>,
  verb: "dev" | "start" = "dev",
): Promise<BrandsApp> {
  const app = run([verb, folder], { PORT: "0", CARILLON_LOG: "pretty", ...env })
  const url = /http:\/\/\S+:\d+/.exec(await app.says("HTTP is answered at"))?.[0] ?? ""
  const greeting = await app.says(/Create a brand, in another terminal:\n.*\n +curl .*\n/)
  const create = (body: unknown, token: string | null): Promise<Response> =>
    post(`${url}/admin/brands`, body, token)
  const token = async (): Promise<string> => {
    const answer = await post(`${url}/auth/user/emailpass`, ADMIN, null)
    return ((await answer.json()) as { token: string }).token
  }
  return { ...app, url, greeting, create, token }
}

/** A string is sent as it is. */
export function post(url: string, body: unknown, token: string | null): Promise<Response> {
  const headers = { "content-type": "application/json" }
  return fetch(url, {
    method: "POST",
    headers: token === null ? headers : { ...headers, authorization: `Bearer ${token}` },
    body: typeof body === "string" ? body : JSON.stringify(body),
  })
}

/** What a verb of the command line answers with `--json`. */
export async function asked<T>(database: string, ...words: readonly string[]): Promise<T> {
  const { code, output } = await run([...words, "--json", "--database", database]).exit
  if (code !== 0) throw new Error(`carillon ${words.join(" ")} ended with ${code}:\n${output}`)
  return JSON.parse(output) as T
}
