import type { StoreFlags } from "../store.ts"

export async function app(
  mode: "dev" | "start",
  dir: string,
  { database, once = false }: StoreFlags & { readonly once?: boolean },
): Promise<void> {
  const { runApp } = await import("../../app/run.ts")
  // What the app itself left open, a timer or a socket, must not keep the process.
  process.exit(await runApp({ dir, mode, once, database }))
}
