import { benchDirectory } from "../directory.ts"

/** A server that somebody runs, or one that is started for the bench alone. */
export interface OpenServer {
  readonly url: string
  close(): Promise<void>
}

/** `own` starts one with a stock server's settings, and these beside them, on the disk that the bench measures. */
export async function openServer(
  url: string,
  settings: Readonly<Record<string, string | number>> = {},
): Promise<OpenServer> {
  if (url !== "own") return { url, close: async () => {} }
  process.env.TMPDIR = benchDirectory()
  const { Cluster } = await import("../../test/support/cluster.ts")
  const cluster = await Cluster.start({ settings })
  return { url: cluster.url(), close: () => cluster.close() }
}
