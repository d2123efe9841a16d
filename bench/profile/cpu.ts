import { readdirSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { type CpuProfile, type Frame, timesOf } from "./times.ts"

const ROOT = fileURLToPath(new URL("../../", import.meta.url))

export interface CpuPrint {
  readonly events: number
  /** What one of them is called. */
  readonly unit: string
  readonly top: number
}

/** Where each thread of each process that left a profile here spent its time: by room, by function, and with callees. */
export function printCpuProfiles(directory: string, print: CpuPrint): void {
  for (const file of readdirSync(directory).filter((one) => one.endsWith(".cpuprofile"))) {
    const text = readFileSync(join(directory, file), "utf8")
    printThread(threadOf(file), JSON.parse(text) as CpuProfile, print)
  }
}

function printThread(thread: string, profile: CpuProfile, { top, ...print }: CpuPrint): void {
  const selfByFrame = timesOf(profile, describe)
  const idleUs = selfByFrame.self.get("(idle)") ?? 0
  const busyUs = sum(selfByFrame.self) - idleUs
  const lines = { ...print, busyUs }

  console.log(`\n${thread}: ${Math.round(busyUs / 1_000)} ms busy, ${Math.round(idleUs / 1_000)} ms idle`)
  printTimes("self ms", "room", timesOf(profile, roomOf).self, 12, lines)
  printTimes("self ms", "function", selfByFrame.self, top, lines)
  const ours = [...selfByFrame.total].filter(([place]) => place.includes("  src/"))
  printTimes("total ms", "function with its callees", new Map(ours), top, lines)
}

function printTimes(
  column: string,
  what: string,
  times: ReadonlyMap<string, number>,
  top: number,
  { events, unit, busyUs }: Omit<CpuPrint, "top"> & { readonly busyUs: number },
): void {
  const slowest = [...times]
    .filter(([place]) => place !== "(idle)")
    .sort(([, one], [, other]) => other - one)
    .slice(0, top)

  console.log(`${column.padStart(10)}      %  ${`µs/${unit}`.padStart(8)}  ${what}`)
  for (const [place, us] of slowest) {
    const columns = [
      (us / 1_000).toFixed(1).padStart(10),
      ((us / busyUs) * 100).toFixed(1).padStart(6),
      (us / events).toFixed(2).padStart(9),
    ]
    console.log(`${columns.join(" ")}  ${place}`)
  }
}

function describe({ functionName, url, lineNumber }: Frame): string {
  const name = functionName === "" ? "(anonymous)" : functionName
  return url === "" ? name : `${name}  ${fileOf(url)}:${lineNumber + 1}`
}

/** The folder of a file of ours, a package, a module of Node's; what has no file goes by its own name. */
function roomOf({ functionName, url }: Frame): string {
  if (url === "") return functionName.startsWith("(") ? functionName : "(native)"
  const file = fileOf(url)
  const [, dependency] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file) ?? []
  if (dependency !== undefined) return dependency
  return file.startsWith("node:") ? file : file.split("/").slice(0, -1).join("/")
}

function fileOf(url: string): string {
  return url.startsWith("file://") ? relative(ROOT, fileURLToPath(url)) : url
}

/** Node names the file `CPU.<day>.<time>.<process>.<thread>.<number>.cpuprofile`. */
function threadOf(file: string): string {
  const [process, thread] = file.split(".").slice(-4)
  return thread === "0" ? `process ${process}, main thread` : `process ${process}, worker thread ${thread}`
}

function sum(times: ReadonlyMap<string, number>): number {
  return [...times.values()].reduce((all, us) => all + us, 0)
}
