// Promise: `node --import` of this file gives a process a wall clock that is wrong by CARILLON_CHAOS_SHIFT_MS.
const shiftMs = Number(process.env.CARILLON_CHAOS_SHIFT_MS)
const RealDate = Date
const now = (): number => RealDate.now() + shiftMs

class ShiftedDate extends RealDate {
  constructor(...given: unknown[]) {
    super(...((given.length === 0 ? [now()] : given) as [number]))
  }

  static override now(): number {
    return now()
  }
}

globalThis.Date = ShiftedDate as DateConstructor
