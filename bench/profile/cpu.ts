import { readdirSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"

const ROOT = fileURLToPath(new URL("../../", import.meta.url))

export interface CpuPrint {
  readonly events: number
  readonly top: number
}

/** The functions with the most time of their own, for each thread of each process that left a profile here. */
export function printCpuProfiles(directory: string, print: CpuPrint): void {
  for (const file of readdirSync(directory).filter((one) => one.endsWith(".cpuprofile"))) {
    const text = readFileSync(join(directory, file), "utf8")
    printThread(threadOf(file), JSON.parse(text) as CpuProfile, print)
  }
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

function printThread(thread: string, { nodes, samples, timeDeltas }: CpuProfile, print: CpuPrint): void {
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
    .slice(0, print.top)

  console.log(`\n${thread}: ${Math.round(busyUs / 1_000)} ms busy, ${Math.round(idleUs / 1_000)} ms idle`)
  console.log("   self ms      %  µs/event  function")
  for (const [place, us] of top) {
    const columns = [
      (us / 1_000).toFixed(1).padStart(10),
      ((us / busyUs) * 100).toFixed(1).padStart(6),
      (us / print.events).toFixed(2).padStart(9),
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
  const [process, thread] = file.split(".").slice(-4)
  return thread === "0" ? `process ${process}, main thread` : `process ${process}, worker thread ${thread}`
}
