import { show } from "./show.ts"

/** Stands in each container as `query`: it answers with what it was asked. */
export const echoQuery = {
  async graph(request: unknown, options: unknown) {
    const rows = ["first", "second"].map((id) => ({ id, asked: show(request), options: show(options ?? {}) }))
    return { data: rows, metadata: { count: 2, skip: 0, take: 2 } }
  },
}
