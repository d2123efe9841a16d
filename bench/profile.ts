import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { measurementNamed, scaled } from "./catalogue.ts"
import { benchDirectory, measure } from "./measure.ts"

const USAGE = `npm run bench:profile -- --case <measurement> [--top 30] [--scale 1] [--keep <directory>]

Runs one measurement under the CPU profiler and prints where each of its threads spent its time. With --keep the
.cpuprofile files stay, for the browser's developer tools.
`

const ROOT = fileURLToPath(new URL("../", import.meta.url))

const { values: options } = parseArgs({
  options: {
    case: { type: "string" },
    top: { type: "string", default: "30" },
    scale: { type: "string", default: "1" },
    keep: { type: "string" },
  },
})

if (options.case === undefined) console.log(USAGE)
else await profile(options.case)

async function profile(name: string): Promise<void> {
  const directory = options.keep ?? mkdtempSync(join(benchDirectory(), "profile-"))
  const result = await measure(scaled(measurementNamed(name), Number(options.scale)), {
    execArgv: ["--cpu-prof", `--cpu-prof-dir=${directory}`, "--cpu-prof-interval=250"],
  })
  const rate =
    result.perSecond === null ? "" : `, ${Math.round(result.perSecond).toLocaleString("en")} events/s`
  console.log(
    `${name}: ${result.events.toLocaleString("en")} events${rate} (the profiler's own cost included)`,
  )

  for (const file of readdirSync(directory).filter((one) => one.endsWith(".cpuprofile"))) {
    const text = readFileSync(join(directory, file), "utf8")
    printThread(threadOf(file), JSON.parse(text) as CpuProfile, result.events)
  }
  if (options.keep === undefined) rmSync(directory, { recursive: true })
  else console.log(`\nThe profiles are in ${directory}.`)
}

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
  readonly samples: readonly number[]
  /** Microseconds from each sample's predecessor. */
  readonly timeDeltas: readonly number[]
}

function printThread(thread: string, { nodes, samples, timeDeltas }: CpuProfile, events: number): void {
  const placeOf = new Map(nodes.map(({ id, callFrame }) => [id, describe(callFrame)]))
  const selfUs = new Map<string, number>()
  samples.forEach((id, index) => {
    const place = placeOf.get(id) ?? "?"
    // A sample's time runs until the next one.
    selfUs.set(place, (selfUs.get(place) ?? 0) + (timeDeltas[index + 1] ?? 0))
  })
  const idleUs = selfUs.get("(idle)") ?? 0
  const busyUs = [...selfUs.values()].reduce((sum, us) => sum + us, 0) - idleUs
  const top = [...selfUs]
    .filter(([place]) => place !== "(idle)")
    .sort(([, one], [, other]) => other - one)
    .slice(0, Number(options.top))

  console.log(`\n${thread}: ${Math.round(busyUs / 1_000)} ms busy, ${Math.round(idleUs / 1_000)} ms idle`)
  console.log("   self ms      %  µs/event  function")
  for (const [place, us] of top) {
    const columns = [
      (us / 1_000).toFixed(1).padStart(10),
      ((us / busyUs) * 100).toFixed(1).padStart(6),
      (us / events).toFixed(2).padStart(9),
    ]
    console.log(`${columns.join(" ")}  ${place}`)
  }
}

function describe({ functionName, url, lineNumber }: CpuProfile["nodes"][number]["callFrame"]): string {
  const name = functionName === "" ? "(anonymous)" : functionName
  if (url === "") return name
  const file = url.startsWith("file://") ? relative(ROOT, fileURLToPath(url)) : url
  return `${name}  ${file}:${lineNumber + 1}`
}

/** Node names the file `CPU.<day>.<time>.<process>.<thread>.<number>.cpuprofile`. */
function threadOf(file: string): string {
  const thread = file.split(".").at(-3)
  return thread === "0" ? "main thread" : `worker thread ${thread}`
}
