import { setTimeout as sleep } from "node:timers/promises"
import type { Cluster } from "../support/cluster.ts"
import type { TcpProxy } from "../support/proxy.ts"
import type { Post } from "./post.ts"

/** What disturbances happen to. */
export interface Scene {
  readonly cluster: Cluster
  readonly cutting: TcpProxy
  readonly silent: TcpProxy
  readonly workers: readonly Post[]
  readonly producers: readonly Post[]
  readonly leaseMs: number
  readonly draw: (below: number) => number
}

/** Each ends with all as it was; says how many processes it may have cost their leases. */
export const DISTURBANCES = {
  "kill a worker": async ({ workers, draw }) => {
    await workers[draw(workers.length)]?.kill()
    return 0 // a kill is counted as one
  },
  "kill a producer": async ({ producers, draw }) => {
    await producers[draw(producers.length)]?.kill()
    return 0
  },
  "freeze a worker": async ({ workers, draw, leaseMs }) => {
    await workers[draw(workers.length)]?.freeze(200 + draw(2 * leaseMs))
    return 1
  },
  "terminate backends": async ({ cluster, draw }) => {
    await cluster.terminateBackends(`${OURS} AND random() < ${(1 + draw(10)) / 10}`)
    return 0
  },
  "restart the server": async ({ cluster }) => {
    await cluster.restart("fast")
    return 0
  },
  "restart the server at once": async ({ cluster, workers }) => {
    await cluster.restart("immediate")
    return workers.length // what was settled last may not have reached the disk
  },
  "kill the server": async ({ cluster, workers }) => {
    await cluster.kill()
    await cluster.start()
    return workers.length
  },
  "leave the server down": async ({ cluster, workers, draw, leaseMs }) => {
    await cluster.stop()
    await sleep(draw(2 * leaseMs))
    await cluster.start()
    return workers.length
  },
  "cut connections": async ({ cutting }) => {
    cutting.cut()
    return 0
  },
  "refuse connections": async ({ cutting, draw }) => {
    cutting.refuse()
    cutting.cut()
    await sleep(200 + draw(800))
    cutting.refuse(false)
    return 0
  },
  "go silent": async ({ silent, workers, draw, leaseMs }) => {
    silent.silence()
    await sleep(200 + draw(2 * leaseMs))
    silent.speak()
    return workers.length
  },
} as const satisfies Readonly<Record<string, (scene: Scene) => Promise<number>>>

export type Disturbance = keyof typeof DISTURBANCES

/** Those after which every process still has its lease: they may repeat nothing. */
export const GENTLE: readonly Disturbance[] = [
  "terminate backends",
  "restart the server",
  "cut connections",
  "refuse connections",
]

const OURS = "application_name LIKE 'carillon%' AND application_name <> 'carillon-tests'"
