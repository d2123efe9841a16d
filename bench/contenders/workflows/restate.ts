import { once } from "node:events"
import { createServer, type Http2Server, type ServerHttp2Session } from "node:http2"
import type { AddressInfo } from "node:net"
import { requirePeer } from "../../peers.ts"
import { startRestate } from "../../server/restate.ts"
import { type Progress, type RunningWorkflows, STEPS, type WorkflowWork } from "../../workflow-contender.ts"

/** The little of Restate's SDK that is used here. */
interface RestateSdk {
  service(definition: {
    name: string
    handlers: Record<string, (context: Context, order: Progress) => Promise<Progress>>
  }): unknown
  createEndpointHandler(options: { services: unknown[]; logger: () => void }): () => void
}

interface Context {
  run(name: string, act: () => Progress): Promise<Progress>
}

interface RestateClients {
  connect(options: { url: string }): {
    serviceClient(service: { name: string }): { place(order: Progress): Promise<Progress> }
  }
}

const SERVICE = { name: "orders" }

/** It would log the end of each run. */
const silent = () => {}

/** A handler with three `ctx.run`s, called through the ingress of a server of its own, both ways over loopback. */
export async function start({ directory, step }: WorkflowWork): Promise<RunningWorkflows> {
  const sdk = requirePeer("restate", "@restatedev/restate-sdk") as RestateSdk
  const clients = requirePeer("restate", "@restatedev/restate-sdk-clients") as RestateClients
  const orders = sdk.service({
    ...SERVICE,
    handlers: {
      place: async (context, order) => {
        let progress = order
        for (const [index, name] of STEPS.entries()) {
          const before = progress
          progress = await context.run(name, () => step(index, before))
        }
        return progress
      },
    },
  })
  const endpoint = await serve(sdk.createEndpointHandler({ services: [orders], logger: silent }))
  const server = await startRestate(directory)
  await ask(`${server.admin}/deployments`, { uri: endpoint.url })
  const client = clients.connect({ url: server.ingress }).serviceClient(SERVICE)

  return {
    run: (order) => client.place(order),
    settled: async () => {},
    kept: () => keptBy(server.admin),
    serverCpuMs: server.cpuMs,
    stop: async () => {
      await server.stop()
      endpoint.close()
    },
  }
}

/** On loopback alone; Restate talks HTTP/2 without encryption to it. */
async function serve(handler: () => void): Promise<{ url: string; close(): void }> {
  const server: Http2Server = createServer(handler).listen(0, "127.0.0.1")
  const sessions = new Set<ServerHttp2Session>()
  server.on("session", (session) => sessions.add(session))
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => {
      for (const session of sessions) session.destroy()
      server.close()
    },
  }
}

/** It keeps the journals of what ended for a day. */
async function keptBy(admin: string) {
  const count = async (from: string) => {
    const { rows } = await ask<{ rows: { n: number }[] }>(`${admin}/query`, {
      query: `SELECT count(*) AS n FROM ${from}`,
    })
    return rows[0]?.n ?? 0
  }
  return {
    runs: await count("sys_invocation WHERE status = 'completed' AND completion_result = 'success'"),
    steps: await count("sys_journal WHERE entry_type = 'Command: Run'"),
  }
}

async function ask<Answer>(url: string, body: object): Promise<Answer> {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as Answer
}
