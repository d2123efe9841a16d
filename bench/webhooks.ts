import { parseArgs } from "node:util"
import { describeMachine } from "./machine.ts"
import type { StoreName } from "./measurement.ts"
import { openServer } from "./server/own.ts"
import { DEFAULT_SERVER } from "./server/server.ts"
import { measureIsolation } from "./webhooks/isolation.ts"
import { measureThroughput } from "./webhooks/throughput.ts"

const USAGE = `node bench/webhooks.ts [options]

Signed and recorded webhooks a second, from the emit until all is delivered and settled, beside the same requests
without a store, by plain undici, by undici guarded by hand and by Carillon's own sender: in turns, against one receiver in a process of its own.

  --isolation        instead: how long healthy endpoints wait, undisturbed and beside 500 that never answer
  --only <case>      one, ten or fan-out
  --store <names>    sqlite, postgres or both (both)
  --url <server>     which server (${DEFAULT_SERVER});
                     \`own\` = one with stock settings that is started for this run
  --rounds <n>       of each (3); one of warm-up comes before
  --deliveries <n>   in each round (50000)
  --seconds <n>      of an isolation round (30)
`

const { values: options } = parseArgs({
  options: {
    isolation: { type: "boolean", default: false },
    only: { type: "string" },
    store: { type: "string", default: "both" },
    url: { type: "string", default: DEFAULT_SERVER },
    rounds: { type: "string", default: "3" },
    deliveries: { type: "string", default: "50000" },
    seconds: { type: "string", default: "30" },
    help: { type: "boolean", default: false },
  },
})

if (options.help) console.log(USAGE)
else await run()

async function run(): Promise<void> {
  const stores: readonly StoreName[] = ["sqlite", "postgres"]
  const rounds = Number(options.rounds)
  const asked = stores.filter((each) => options.store === "both" || options.store === each)
  const server = asked.includes("postgres") ? await openServer(options.url) : null
  for (const store of asked) {
    const place = { store, server: server?.url ?? "" }
    if (options.isolation) await measureIsolation({ place, rounds, seconds: Number(options.seconds) })
    else
      await measureThroughput({
        place,
        rounds,
        deliveries: Number(options.deliveries),
        only: options.only,
      })
  }
  await server?.close()
  console.log(`\n${JSON.stringify(describeMachine("sqlite"))}`)
}
