import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import autocannon from "autocannon"
import { benchDirectory } from "./directory.ts"

const USAGE = `node bench/http.ts [options]

Emits over HTTP, as \`carillon serve\` serves it on Node's own server, beside a bare Hono route on @hono/node-server that
parses the same body and answers the same bytes: in turns, and both by autocannon. Tells how many requests a second each
answers, and the share of the bare route: leave the machine alone for that. And what CPU a request takes of the server's
main thread and of its process, which holds on a machine that others use, too.

  --postgres <url>    on a database instead of a file (its schema \`carillon_bench_http\` stays)
  --rounds <n>        of each (5)
  --seconds <n>       a round (5)
  --connections <n>   at once (100)
`

const { values: options } = parseArgs({
  options: {
    postgres: { type: "string" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "5" },
    connections: { type: "string", default: "100" },
    help: { type: "boolean", default: false },
  },
})

interface Contender {
  readonly name: string
  readonly process: ChildProcess
  readonly port: number
  readonly token: string // the bare route gets one as well, and does not look
}

interface Round {
  readonly perSecond: number
  readonly p50: number // ms
  readonly p99: number
  readonly mainMicros: number // CPU of the server's main thread, for one request
  readonly allMicros: number // of the whole process: the store's thread and the garbage collector's with it
}

/** What a server answers to `usage`: CPU since it started, user and system together, in microseconds. */
interface Usage {
  readonly main: number
  readonly all: number
}

const ORDER = {
  name: "order.placed",
  data: {
    id: "ord_1001",
    customer_id: "cus_77",
    currency: "eur",
    total: 129.5,
    items: [{ sku: "shirt-m", quantity: 2 }],
  },
}

const BODIES = {
  "one event": JSON.stringify(ORDER),
  "100 events": JSON.stringify(Array.from({ length: 100 }, () => ORDER)),
} as const

if (options.help) console.log(USAGE)
else await run()

async function run(): Promise<void> {
  const folder = mkdtempSync(join(benchDirectory(), "http-"))
  const database =
    options.postgres === undefined
      ? join(folder, "shop.db")
      : `${options.postgres}?schema=carillon_bench_http`
  const contenders = [
    await open("bare Hono route", "bare.ts"),
    await open("Carillon", "carillon.ts", database),
  ]
  try {
    for (const what of Object.keys(BODIES) as (keyof typeof BODIES)[])
      report(what, await measure(contenders, BODIES[what]))
  } finally {
    for (const each of contenders) await close(each)
    rmSync(folder, { recursive: true })
  }
}

async function open(name: string, file: string, ...args: string[]): Promise<Contender> {
  const child = fork(fileURLToPath(new URL(`./http/${file}`, import.meta.url)), args)
  const [{ port, token = "none" }] = (await once(child, "message")) as [{ port: number; token?: string }]
  return { name, process: child, port, token }
}

async function close({ process: child }: Contender): Promise<void> {
  child.send("end")
  await once(child, "exit")
}

/** The first round of each is a warm-up. */
async function measure(contenders: readonly Contender[], body: string): Promise<Map<Contender, Round[]>> {
  const rounds = new Map<Contender, Round[]>(contenders.map((each) => [each, []]))
  for (let round = 0; round <= Number(options.rounds); round++) {
    for (const each of round % 2 === 0 ? contenders : contenders.toReversed()) {
      const result = await shoot(each, body)
      if (round > 0) rounds.get(each)?.push(result)
    }
  }
  return rounds
}

async function shoot({ name, port, token, process: child }: Contender, body: string): Promise<Round> {
  const before = await usageOf(child)
  const result = await autocannon({
    url: `http://127.0.0.1:${port}/api/events`,
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body,
    connections: connectionsFor(body),
    duration: Number(options.seconds),
  })
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${name}: ${result.non2xx} answers were no 201, ${result.errors} requests failed`)
  const after = await usageOf(child)
  const { total, average } = result.requests
  return {
    perSecond: average,
    p50: result.latency.p50,
    p99: result.latency.p99,
    mainMicros: (after.main - before.main) / total,
    allMicros: (after.all - before.all) / total,
  }
}

async function usageOf(child: ChildProcess): Promise<Usage> {
  child.send("usage")
  const [usage] = (await once(child, "message")) as [Usage]
  return usage
}

function report(what: keyof typeof BODIES, rounds: ReadonlyMap<Contender, readonly Round[]>): void {
  const medians = [...rounds].map(([{ name }, each]) => ({
    name,
    perSecond: median(each.map((r) => r.perSecond)),
    p50: median(each.map((r) => r.p50)),
    p99: median(each.map((r) => r.p99)),
    main: median(each.map((r) => r.mainMicros)),
    all: median(each.map((r) => r.allMicros)),
  }))
  const [bare] = medians
  console.log(
    `\n${what}, ${options.connections} at once, median of ${options.rounds} rounds of ${options.seconds} s:`,
  )
  for (const { name, perSecond, p50, p99, main, all } of medians) {
    const share = Math.round((perSecond / (bare?.perSecond ?? 1)) * 100)
    console.log(
      `  ${name.padEnd(16)} ${perSecond.toFixed(0).padStart(7)} requests/s  ${String(share).padStart(3)} %  p50 ${p50} ms  p99 ${p99} ms  CPU ${main.toFixed(1)} µs, with all threads ${all.toFixed(1)} µs`,
    )
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}

/** Bodies of a hundred events at so many connections would be more at once than one credential may have. */
function connectionsFor(body: string): number {
  const asked = Number(options.connections)
  return body === BODIES["100 events"] ? Math.min(asked, 100) : asked
}
