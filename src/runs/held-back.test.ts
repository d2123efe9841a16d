import { expect, it, vi } from "vitest"
import { resolvePolicy } from "../core/policy.ts"
import { movingClock } from "../testing/moving-clock.ts"
import { HandlerEntry } from "../worker/handlers.ts"
import { HeldBack } from "./held-back.ts"

it("wakes what was held back here once its workflow goes on, and nothing of others", () => {
  const { back, woken, placing, packing } = setup()
  back.add("run_1", placing)
  back.add("run_2", packing)

  back.resume()
  expect(woken).toEqual([])
  placing.paused = false
  back.resume()
  back.resume()

  expect(woken).toEqual(["run_1"])
})

it("wakes at once what was held back while its workflow was resumed", () => {
  const { back, woken, placing } = setup()
  placing.paused = false

  back.add("run_1", placing)

  expect(woken).toEqual(["run_1"])
})

it("forgets what falls due by itself", async () => {
  const { back, woken, placing, clock } = setup()
  back.add("run_1", placing)
  await clock.advance("1s")
  back.add("run_2", placing)
  placing.paused = false

  back.resume()

  expect(woken).toEqual(["run_2"])
})

function setup() {
  const clock = movingClock()
  const woken: string[] = []
  const back = new HeldBack(clock, (run) => void woken.push(run))
  const entry = (no: number) =>
    new HandlerEntry({
      no,
      id: `workflow:${no}`,
      run: vi.fn(),
      policy: resolvePolicy(),
      ephemeral: false,
      paused: true,
    })
  return { clock, back, woken, placing: entry(1), packing: entry(2) }
}
