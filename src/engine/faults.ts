/**
 * Named points at which a test kills, stops or holds the process.
 *
 * Crash tests are only worth something when the crash comes exactly where it hurts. Without
 * `CARILLON_FAULT` in the environment a point costs one comparison.
 *
 * `CARILLON_FAULT="settle.middle=kill@3"` kills the process the third time it gets there; `stop` sends
 * SIGSTOP, `hold` blocks the thread for a second. Several are parted by commas.
 *
 * `recovery.off` leaves dead workers' work where it lies, so that crash tests can be seen to fail.
 */
export type FaultPoint =
  | "commit.before"
  | "commit.middle"
  | "commit.after"
  | "handler.before"
  | "handlers.after"
  | "notify.after"
  | "settle.middle"
  | "spill.before"
  | "spill.after"
  | "release.middle"
  | "replay.middle"
  | "step.after"
  | "checkpoint.after"
  | "run.ending"
  | "erase.middle"
  | "copy.middle"
  | "copy.after"
  | "copy.ending"
  | "copy.ended"

type FaultAction = "kill" | "stop" | "hold"

const faults = parse(process.env.CARILLON_FAULT)

export function reach(point: FaultPoint): void {
  if (faults !== null) strike(faults, point)
}

export function isSwitchedOff(what: "recovery"): boolean {
  return faults?.has(`${what}.off`) === true
}

function strike(armed: Map<string, Fault>, point: FaultPoint): void {
  const fault = armed.get(point)
  if (fault === undefined || ++fault.reached !== fault.nth) return
  if (fault.action === "hold") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000)
  else process.kill(process.pid, fault.action === "kill" ? "SIGKILL" : "SIGSTOP")
}

interface Fault {
  readonly action: FaultAction
  readonly nth: number
  reached: number
}

function parse(text: string | undefined): Map<string, Fault> | null {
  if (text === undefined || text === "") return null
  const armed = new Map<string, Fault>()
  for (const entry of text.split(",")) {
    const [point, action, nth] = entry.split(/[=@]/)
    armed.set(point as string, { action: action as FaultAction, nth: Number(nth ?? 1), reached: 0 })
  }
  return armed
}
