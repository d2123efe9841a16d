import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { StepOutcome, StepPhase, StepRecord } from "./run.ts"
import {
  decide,
  type PlannedStep,
  type RunPlan,
  type StepStart,
  StepStates,
  stepsWithinReach,
  survives,
} from "./run-machine.ts"

type Fate = "done" | "fails" | "permanent" | "skipped" | "waits"

interface Scenario {
  readonly plan: RunPlan
  /** What each attempt comes to, forward and back; beyond the list the first of them counts. */
  readonly fates: Readonly<
    Record<string, { readonly invoke: readonly Fate[]; readonly undo: readonly Fate[] }>
  >
  /** Who ends next, of those that run. */
  readonly order: readonly number[]
  readonly cancelledAfter: number | null // so many records; null = nobody cancels
}

interface Play {
  readonly state: string
  readonly log: readonly Logged[]
  /** Steps that had no record when their process died, and could have begun. */
  readonly perhapsBegun: ReadonlySet<string>
}

interface Logged extends StepStart {
  readonly what: "start" | "end" | "crash"
  readonly outcome?: StepOutcome
}

const START = Date.UTC(2026, 0, 1)
const MOST_TURNS = 5_000

describe("decide", () => {
  it("always comes to an end, and starts nothing before what it follows is over", () => {
    fc.assert(
      fc.property(scenarios(), crashes(), (scenario, crashesAfter) => {
        const { plan } = scenario
        const { state, log } = play(scenario, crashesAfter)

        expect(["done", "reverted", "failed"]).toContain(state)
        for (const [i, entry] of log.entries()) {
          if (entry.what !== "start") continue
          const before = log.slice(0, i)
          const level = levelOf(plan, entry.step)
          const others = entry.phase === "invoke" ? plan.levels.slice(0, level) : plan.levels.slice(level + 1)
          for (const other of others.flat())
            expect(isInTheWay(other, entry.phase, before), `${other.name} before ${entry.step}`).toBe(false)
          if (entry.phase === "compensate")
            for (const { step, phase } of before)
              if (phase === "compensate" && step !== "")
                expect(levelOf(plan, step)).toBeGreaterThanOrEqual(level)
          expect(entry.attempt).toBeLessThanOrEqual(stepIn(plan, entry.step).maxRetries + 1)
        }
      }),
      { numRuns: 600 },
    )
  })

  it("does not begin an attempt beside one of the same step", () => {
    fc.assert(
      fc.property(scenarios(), crashes(), (scenario, crashesAfter) => {
        const open = new Set<string>()

        for (const { what, step } of play(scenario, crashesAfter).log) {
          if (what === "crash") open.clear()
          else if (what === "end") open.delete(step)
          else {
            expect(open).not.toContain(step)
            open.add(step)
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  it("comes to the same end, and undoes in the same order, whenever its process dies", () => {
    fc.assert(
      fc.property(scenarios({ noWait: false }), crashes(), (scenario, crashesAfter) => {
        const calm = play(scenario, [])
        const stormy = play(scenario, crashesAfter)

        const compensated = undone(scenario.plan, stormy)
        const more = compensated.flat().filter((step) => !undone(scenario.plan, calm).flat().includes(step))
        for (const step of more) expect(stormy.perhapsBegun).toContain(step)
        const alike = compensated.map((level) => level.filter((step) => !more.includes(step)))
        expect(alike.filter((level) => level.length > 0)).toEqual(undone(scenario.plan, calm))
        if (more.length === 0) expect(stormy.state).toBe(calm.state)
        else expect(stormy.state === "done").toBe(calm.state === "done")
      }),
      { numRuns: 600 },
    )
  })

  it("undoes exactly what began, when something failed for good, and nothing when all is done", () => {
    fc.assert(
      fc.property(scenarios(), (scenario) => {
        const { plan } = scenario
        const { state, log } = play(scenario, [])
        const ends = log.filter((each) => each.what === "end" && each.phase === "invoke")
        const failed = ends.some((each) => each.outcome === "permanent" && !survives(stepIn(plan, each.step)))
        const over = new Map(ends.map(({ step, outcome }) => [step, outcome]))
        const began = plan.levels
          .flat()
          .filter((step) => step.compensates && over.has(step.name) && over.get(step.name) !== "skipped")
        const compensated = undone(plan, { log }).flat().sort()

        if (failed || scenario.cancelledAfter === null) expect(state !== "done").toBe(failed)
        expect(compensated).toEqual(state === "done" ? [] : began.map((step) => step.name).sort())
      }),
      { numRuns: 600 },
    )
  })

  it("skips what follows a step that gave up and said so, up to the one it names", () => {
    const plan = planOf(
      ["reserve"],
      [{ name: "charge", skipOnPermanentFailure: "notify" }],
      ["ship"],
      ["notify"],
    )
    const states = new StepStates([record("reserve", "done"), record("charge", "permanent")])

    const decision = decide(plan, { ...AT_REST, steps: states })

    expect(decision.skip).toEqual(["ship"])
    expect(decision.start).toEqual([{ step: "notify", phase: "invoke", attempt: 1 }])
  })

  it("does not skip what runs already, when a step beside it gives up and says so", () => {
    const plan = planOf(
      [{ name: "notify", noWait: true, skipOnPermanentFailure: true }],
      ["ship"],
      ["invoice"],
    )
    const steps = new StepStates([record("notify", "permanent")])

    const decision = decide(plan, { ...AT_REST, steps, running: new Set(["ship"]) })

    expect(decision).toMatchObject({ state: "invoking", skip: [], start: [] })
  })

  it("goes on backwards once a step was undone, whatever the reason was", () => {
    const plan = planOf(["reserve"], ["charge"])
    const steps = new StepStates([
      record("reserve", "done"),
      record("charge", "done"),
      record("charge", "done", "compensate"),
    ])

    const decision = decide(plan, { ...AT_REST, steps })

    expect(decision.start).toEqual([{ step: "reserve", phase: "compensate", attempt: 1 }])
  })

  it("gives a step the one more attempt that an operator asks for, beyond its retries", () => {
    const plan = planOf(["charge"])
    const steps = new StepStates([record("charge", "permanent"), record("charge", "again")])

    const decision = decide(plan, { ...AT_REST, steps })

    expect(decision).toMatchObject({ state: "invoking", start: [{ step: "charge", attempt: 2 }] })
  })

  it("does not undo what no process can have begun, although one died", () => {
    const plan = planOf(["reserve"], ["charge"], ["ship"])
    const steps = new StepStates([record("reserve", "done"), record("charge", "permanent")])

    const decision = decide(plan, { ...AT_REST, steps, perhapsBegun: stepsWithinReach(plan, steps) })

    expect(decision.start).toEqual([{ step: "charge", phase: "compensate", attempt: 1 }])
  })

  it("lets what runs end before it undoes anything", () => {
    const plan = planOf(["charge", "reserve"], ["ship"])
    const steps = new StepStates([record("charge", "permanent")])

    const meanwhile = decide(plan, { ...AT_REST, steps, running: new Set(["reserve"]) })

    expect(meanwhile).toMatchObject({ state: "compensating", start: [] })
  })

  it("waits until a retry is due, and for an operator where steps are not tried again by themselves", () => {
    const plan = planOf(["charge"], ["ship"])
    const byHand = planOf([{ name: "charge", autoRetry: false }])
    const steps = new StepStates([{ ...record("charge", "failed"), dueAt: START + 1_000 }])

    const early = decide(plan, { ...AT_REST, steps })
    const due = decide(plan, { ...AT_REST, steps, now: START + 1_000 })
    const operated = decide(byHand, { ...AT_REST, steps, now: START + 1_000 })

    expect(early).toMatchObject({ start: [], nextAt: START + 1_000 })
    expect(due).toMatchObject({ start: [{ step: "charge", phase: "invoke", attempt: 2 }], nextAt: null })
    expect(operated).toMatchObject({ start: [], waiting: [{ step: "charge" }], nextAt: null })
  })
})

const AT_REST = {
  doomed: false,
  now: START,
  running: new Set<string>(),
  undoing: new Set<string>(),
  perhapsBegun: new Set<string>(),
}

/** The steps that were undone, level by level as it went. */
function undone(plan: RunPlan, { log }: Pick<Play, "log">): string[][] {
  const levels = new Map<number, Set<string>>()
  for (const { what, phase, step } of log) {
    if (what !== "start" || phase !== "compensate") continue
    const level = levelOf(plan, step)
    levels.set(level, (levels.get(level) ?? new Set()).add(step))
  }
  return [...levels.values()].map((level) => [...level].sort())
}

/** A step in front of another, forward or back, that is not over. */
function isInTheWay(step: PlannedStep, phase: StepPhase, before: readonly Logged[]): boolean {
  const isOf = (each: Logged): boolean => each.step === step.name && each.phase === phase
  const last = before.findLast((each) => each.what === "end" && isOf(each))?.outcome
  if (phase === "compensate") {
    const begun = before.some((each) => each.what === "start" && isOf(each))
    return begun && last !== "done" && last !== "permanent"
  }
  if (step.noWait) return false
  return last !== "done" && last !== "skipped" && !(last === "permanent" && survives(step))
}

/** Plays a run to its end, as a process that holds it does. */
function play({ plan, fates, order, cancelledAfter }: Scenario, crashesAfter: readonly number[]): Play {
  let states = new StepStates()
  let now = START
  let perhaps: ReadonlySet<string> = new Set()
  let hasTurnedBack = false
  let written = 0
  let turn = 0
  const running = new Map<string, StepStart>()
  const log: Logged[] = []
  const perhapsBegun = new Set<string>()
  const write = (end: StepRecord): void => {
    states.add(end)
    log.push({ what: "end", step: end.step, phase: end.phase, attempt: end.attempt, outcome: end.outcome })
  }
  for (;;) {
    if (++turn > MOST_TURNS) throw new Error("Expected the run to end, it goes on and on.")
    const doomed = cancelledAfter !== null && written >= cancelledAfter
    const here = (phase: StepPhase): Set<string> =>
      new Set([...running.values()].flatMap((each) => (each.phase === phase ? [each.step] : [])))
    const facts = {
      steps: states,
      doomed,
      now,
      running: here("invoke"),
      undoing: here("compensate"),
      perhapsBegun: perhaps,
    }
    const { state, start, skip, waiting, nextAt } = decide(plan, facts)
    if (state === "compensating" && !hasTurnedBack) {
      // What had begun is recorded before anything is undone.
      hasTurnedBack = true
      for (const step of [...here("invoke"), ...perhaps])
        if (!states.invoke.has(step)) states.add(record(step, "failed"))
    }
    for (const step of skip) write({ ...record(step, "skipped"), at: now })
    if (skip.length > 0) continue
    if (state !== "invoking" && state !== "compensating") {
      expect(running.size).toBe(0)
      return { state, log, perhapsBegun }
    }
    for (const each of start) {
      log.push({ what: "start", ...each })
      running.set(`${each.phase} ${each.step}`, each)
    }
    if (running.size === 0) {
      const [response] = waiting
      if (response !== undefined) write({ ...response, outcome: "done", wait: null })
      else if (nextAt !== null) now = nextAt
      else throw new Error("Expected the run to go on, nothing of it can.")
      continue
    }
    const names = [...running.keys()]
    const name = names[(order[turn % order.length] as number) % names.length] as string
    const ending = running.get(name) as StepStart
    running.delete(name)
    write(endOf(plan, fates, ending, now))
    written++
    if (!crashesAfter.includes(written)) continue
    const unknown = hasTurnedBack ? here("invoke") : stepsWithinReach(plan, states)
    for (const each of unknown) perhapsBegun.add(each)
    states = new StepStates([...states.invoke.values(), ...states.compensate.values()])
    running.clear()
    perhaps = hasTurnedBack ? new Set() : stepsWithinReach(plan, states)
    log.push({ what: "crash", step: "", phase: "invoke", attempt: 0 })
  }
}

function endOf(
  plan: RunPlan,
  fates: Scenario["fates"],
  { step, phase, attempt }: StepStart,
  now: number,
): StepRecord {
  const { invoke, undo } = fates[step] as Scenario["fates"][string]
  const list = phase === "invoke" ? invoke : undo
  const fate = list[attempt - 1] ?? (list[0] as Fate)
  const isLast = attempt > stepIn(plan, step).maxRetries
  const outcome = fate === "fails" ? (isLast ? "permanent" : "failed") : fate === "waits" ? "waiting" : fate
  return {
    ...record(step, outcome, phase, attempt),
    dueAt: outcome === "failed" && attempt % 2 === 1 ? now + 1_000 : null,
    wait: outcome === "waiting" ? { kind: "response" } : null,
  }
}

function record(step: string, outcome: StepOutcome, phase: StepPhase = "invoke", attempt = 1): StepRecord {
  const nothing = { input: null, output: null, undo: null, error: null, dueAt: null, wait: null }
  return { ...nothing, step, phase, attempt, outcome, at: START, ms: 0, worker: 1 }
}

function planOf(...levels: (string | ({ name: string } & Partial<PlannedStep>))[][]): RunPlan {
  return {
    levels: levels.map((level) =>
      level.map((step) => planned(typeof step === "string" ? { name: step } : step)),
    ),
  }
}

function planned(step: { readonly name: string } & Partial<PlannedStep>): PlannedStep {
  return {
    maxRetries: 0,
    autoRetry: true,
    noWait: false,
    continueOnPermanentFailure: false,
    skipOnPermanentFailure: false,
    compensates: true,
    ...step,
  }
}

function stepIn(plan: RunPlan, name: string): PlannedStep {
  return plan.levels.flat().find((step) => step.name === name) as PlannedStep
}

function levelOf(plan: RunPlan, name: string): number {
  return plan.levels.findIndex((level) => level.some((step) => step.name === name))
}

function crashes(): fc.Arbitrary<number[]> {
  return fc.uniqueArray(fc.integer({ min: 1, max: 14 }), { maxLength: 4 })
}

/** `noWait` makes what begins a matter of who is quicker, so that two plays of one scenario may differ. */
function scenarios({ noWait = true } = {}): fc.Arbitrary<Scenario> {
  return fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 5 }).chain((sizes) => {
    const names = sizes.flatMap((size, level) => Array.from({ length: size }, (_, i) => `step-${level}-${i}`))
    const each = fc.tuple(...names.map((name) => stepsAndFates(name, names, noWait)))
    return fc
      .record({
        order: fc.array(fc.nat(100), { minLength: 1, maxLength: 20 }),
        cancelledAfter: fc.option(fc.integer({ min: 0, max: 12 }), { freq: 4 }),
        drawn: each,
      })
      .map(({ order, cancelledAfter, drawn }) => {
        const left = [...drawn]
        const levels = sizes.map((size) => left.splice(0, size).map(({ step }) => step))
        const fates = Object.fromEntries(drawn.map(({ step, invoke, undo }) => [step.name, { invoke, undo }]))
        return { plan: { levels }, fates, order, cancelledAfter }
      })
  })
}

function stepsAndFates(name: string, names: readonly string[], noWait: boolean) {
  const later = names.slice(names.indexOf(name) + 1)
  const skipTo = later.length > 0 ? [fc.constantFrom(...later)] : []
  return fc.record({
    step: fc.record({
      name: fc.constant(name),
      maxRetries: fc.integer({ min: 0, max: 3 }),
      autoRetry: fc.constant(true),
      noWait: noWait ? rarely : fc.constant(false),
      continueOnPermanentFailure: rarely,
      skipOnPermanentFailure: fc.oneof(
        { weight: 6, arbitrary: fc.constant<boolean | string>(false) },
        fc.oneof(fc.constant<boolean | string>(true), ...skipTo),
      ),
      compensates: fc.boolean(),
    }),
    invoke: fates("done", "done", "done", "done", "fails", "permanent", "skipped", "waits"),
    undo: fates("done", "done", "done", "fails", "permanent"),
  })
}

const rarely = fc.integer({ min: 0, max: 4 }).map((drawn) => drawn === 0)

function fates(...choice: Fate[]): fc.Arbitrary<Fate[]> {
  return fc.array(fc.constantFrom(...choice), { minLength: 1, maxLength: 4 })
}
