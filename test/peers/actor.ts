// Promise: one process that plays the programs on one lane, and tells what it saw.

import { setTimeout as sleep } from "node:timers/promises"
import { openCarillon } from "./carillon-lane.ts"
import type { Lane, LaneOrder } from "./lane.ts"
import { openMedusa, openMedusaLocal } from "./medusa-lane.ts"
import { programs } from "./programs/programs.ts"
import type { HeardEvent } from "./sdk.ts"
import { type Program, Stage, type Trace } from "./stage.ts"

/** Programs that play at once; more of them hide which one a stray error is of. */
const TOGETHER = 8

/** One that takes longer hangs. */
const LONGEST_MS = 10_000

const order = JSON.parse(process.argv[2] as string) as LaneOrder
const strays: string[] = []
process.on("uncaughtException", stray)
process.on("unhandledRejection", stray)

const stages = new Map<string, Stage>()
const traces: Record<string, Trace> = {}
// Caught here, for the handlers above would take it for a stray of the programs.
await playAll().catch((error: unknown) => {
  console.error(error)
  process.exit(1)
})
process.on("message", () => process.exit(0)) // it has arrived
process.send?.({ traces, strays })

async function playAll(): Promise<void> {
  const lane = await open()
  await lane.bus.subscribe("*", hear, { subscriberId: "audience" })
  const asked = programs.filter(
    ({ key, needs }) =>
      (order.only === null || order.only.includes(key)) && (needs === undefined || lane.engine !== null),
  )
  const together = asked.filter(({ alone }) => alone !== true)
  await Promise.all(Array.from({ length: TOGETHER }, () => playOn(lane, together)))
  for (const program of asked.filter(({ alone }) => alone)) await playAlone(lane, program)
  await Promise.race([lane.close(), sleep(LONGEST_MS)])
}

function open(): Promise<Lane> {
  if (order.lane === "medusa-local") return openMedusaLocal()
  return order.lane.startsWith("medusa") ? openMedusa(order) : openCarillon(order)
}

async function playOn(lane: Lane, waiting: Program[]): Promise<void> {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await play(lane, next)
}

async function play(lane: Lane, program: Program): Promise<void> {
  const stage = new Stage(lane, program)
  stages.set(program.key, stage)
  const limit = new AbortController()
  await Promise.race([
    program.play(stage).catch((error: unknown) => stage.note("broke", `${error}`)),
    sleep(LONGEST_MS, undefined, limit).then(
      () => stage.note("hung", `for ${LONGEST_MS} ms`),
      () => undefined,
    ),
  ])
  limit.abort()
  traces[program.key] = stage.trace
}

async function playAlone(lane: Lane, program: Program): Promise<void> {
  const before = strays.length
  await play(lane, program)
  const own = strays.splice(before)
  if (own.length > 0) traces[program.key] = { ...(traces[program.key] as Trace), strays: own }
}

function hear(event: HeardEvent): void {
  stages.get(event.name.split(".")[0] as string)?.hear(event)
}

function stray(error: unknown): void {
  strays.push(`${(error as Error | null)?.message ?? error}`)
}
