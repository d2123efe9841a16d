import { resolveShared, storeOptions } from "../store.ts"

export interface ServeFlags {
  readonly database?: string
  readonly group?: string
  readonly host?: string
  readonly port?: number
  readonly proxies?: number
  readonly cors?: readonly string[]
}

export async function serve(flags: ServeFlags): Promise<void> {
  const { serve: run } = await import("../../app/serve.ts")
  resolveShared(storeOptions(flags)) // what is in this process's memory nobody else could use
  process.exit(await run(flags))
}
