import { setTimeout as sleep } from "node:timers/promises"
import type { Engine } from "../../src/engine/engine.ts"
import type { FaultPoint } from "../../src/engine/faults.ts"
import { readBook } from "./book.ts"
import { jobs, settled } from "./observer.ts"
import type { Actor, Role, Troupe } from "./troupe.ts"

const POINTS: readonly FaultPoint[] = ["step.after", "checkpoint.after", "run.ending", "release.middle"]

export interface Storm {
  readonly troupe: Troupe
  readonly draw: (below: number) => number
  readonly kills: number
  freezes: number
}

/** Fills a role again and again, and ends who has it at a point of its own or at some moment. */
export async function disturb(storm: Storm, role: Role): Promise<void> {
  const { troupe, draw, kills } = storm
  while (troupe.kills < kills) {
    const point = POINTS[draw(POINTS.length)]
    const how = ["kill", "stop", "moment", "moment"][draw(4)]
    const fault = how === "moment" ? undefined : `${point}=${how}@${1 + draw(25)}`
    const victim = troupe.start(role, { fault })
    await victim.ready
    await Promise.race([victim.ended, sleep(150 + draw(700))])
    if (how === "stop" || draw(3) === 0) {
      storm.freezes++
      await freeze(victim, 1_300 + draw(900))
      await sleep(draw(400))
    }
    await victim.kill()
    troupe.kills++
  }
}

/**
 * Everybody has begun for the last time: resolves when nothing is left to do, to how many runs had to be
 * redriven for that.
 */
export async function calm(troupe: Troupe, roles: readonly Role[], stillMs: number): Promise<number> {
  const last = roles.map((role) => troupe.start(role))
  const placed = Promise.all(last.map((actor) => actor.answer("placed")))
  await Promise.all(last.map((actor) => actor.ready))
  let redriven = 0
  for (let dead = -1; dead !== 0; redriven += Math.max(0, dead)) {
    await Promise.race([placed, still(troupe, stillMs)])
    await settled(troupe, stillMs)
    dead = await redriveDead(await troupe.store())
  }
  await Promise.all(last.map((actor) => actor.stop()))
  return redriven
}

/** What an operator does with runs that were given up as murderous. */
async function redriveDead(store: Engine): Promise<number> {
  const nos = (await jobs(store, { state: "dead", kind: "run" })).map((job) => job.no)
  if (nos.length > 0) await store.commit([{ kind: "redrive", nos }])
  return nos.length
}

/** Longer than its lease, so that others take over what it believes to have. */
async function freeze(actor: Actor, ms: number): Promise<void> {
  actor.signal("SIGSTOP")
  await sleep(ms)
  actor.signal("SIGCONT")
}

/** Resolves when nothing has been done for so long that nothing will; who is refused may ask on. */
async function still(troupe: Troupe, ms: number): Promise<void> {
  for (let count = -1; ; ) {
    const now = readBook(troupe.book).filter(({ verb }) => verb === "done" || verb === "ack").length
    if (now === count) return
    count = now
    await sleep(ms)
  }
}
