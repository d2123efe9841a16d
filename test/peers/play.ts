import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { LaneOrder } from "./lane.ts"
import type { Trace } from "./stage.ts"

export interface Played {
  readonly traces: Readonly<Record<string, Trace>> // by program
  readonly strays: readonly string[] // errors that nobody caught
}

/** Plays all programs on a lane, in a process of its own: each product hangs its registry on the process. */
export function play(order: LaneOrder): Promise<Played> {
  return new Promise((resolve, reject) => {
    const actor = fork(fileURLToPath(new URL("actor.ts", import.meta.url)), [JSON.stringify(order)], {
      silent: true,
      execArgv: ["--no-warnings"],
      env: { ...process.env, MEDUSA_DISABLE_TELEMETRY: "true", NODE_ENV: "test" },
    })
    let said = ""
    const listen = (chunk: Buffer) => {
      said = `${said}${chunk}`.slice(-4_000)
    }
    actor.stdout?.on("data", listen)
    actor.stderr?.on("data", listen)
    actor.on("message", (played) => {
      actor.send("thanks")
      resolve(played as Played)
    })
    actor.on("exit", (code) => reject(new Error(`The ${order.lane} actor ended with ${code}:\n${said}`)))
  })
}
