import { describe, expect, it } from "vitest"
import { resolvePolicy } from "../core/policy.ts"
import { EventView } from "../core/view.ts"
import { Delivery } from "./delivery.ts"
import { type Gate, HandlerEntry } from "./handlers.ts"

/** A gate that the test sets. */
class OpenGate implements Gate {
  slots = 5
  isClosed = false
  holdsReady = true
  pool = { room: 100 }
  waiting = 0

  most = 5

  slotsBeside(): number {
    return this.slots
  }

  mostBeside(): number {
    return this.most
  }

  waits(change: 1 | -1): void {
    this.waiting += change
  }
}

function setup(over: Partial<OpenGate> = {}) {
  const gate = Object.assign(new OpenGate(), over)
  const policy = resolvePolicy({ concurrency: 10 })
  const base = { no: 1, id: "sub_1", run: () => {}, policy, ephemeral: false, paused: false }
  const entry = new HandlerEntry({ ...base, isRecorded: true, gate })
  const hold = () => {
    const rest = { scope: "", sender: null, key: null, at: 1, data: null, extra: null, id: null, hash: null }
    const view = new EventView({ name: "order.placed", ...rest }, "01M7Y4992Z9M5210JVGXJXDD78", 0)
    const tools = { container: null, transactions: null, loggerFor: () => null }
    const delivery = new Delivery({ done: () => {} }, entry, view, tools)
    entry.enqueue(delivery)
    return delivery
  }
  return { gate, entry, hold }
}

describe("a handler with a gate", () => {
  it("runs as many as its gate lets through, and no more than its policy", () => {
    const { entry, gate } = setup()
    entry.running = 5

    expect([entry.hasSlot, entry.slots]).toEqual([false, 5])
    gate.slots = 6
    expect(entry.hasSlot).toBe(true)
    gate.slots = 50
    expect(entry.slots).toBe(10)
  })

  it("asks for no more than the pool has room for, which it shares", () => {
    const { entry, gate } = setup()

    expect(entry.room).toBe(10)
    gate.pool = { room: 3 }
    expect(entry.room).toBe(3)
  })

  it("holds no more than could run where more is not known to be worth it, whoever has the slots", () => {
    const { entry, gate } = setup({ holdsReady: false, slots: 0, most: 2 })

    expect([entry.room, entry.hasSlot]).toEqual([2, false])
    gate.slots = 5
    expect(entry.room).toBe(2)
    entry.running = 2
    expect(entry.room).toBe(0)
  })

  it("rests while its gate is closed, and nobody who is free asks for it", () => {
    const { entry } = setup({ slots: 0, most: 0, isClosed: true })

    expect([entry.rests, entry.hasSlot, entry.room, entry.isHungry]).toEqual([true, false, 0, true])
  })

  it("asks again when others leave the pool, where it has nothing of it", () => {
    const { entry } = setup({ slots: 0, pool: { room: 0 } })

    expect([entry.rests, entry.isHungry]).toEqual([false, false])
  })

  it("holds too much when it would not ask for what waits any more", () => {
    const { entry, gate, hold } = setup({ holdsReady: false, most: 2 })
    hold()
    hold()

    expect(entry.holdsTooMuch).toBe(false)
    gate.most = 1
    expect(entry.holdsTooMuch).toBe(true)
    gate.holdsReady = true
    expect(entry.holdsTooMuch).toBe(false)
  })

  it("tells its gate of each that waits, and when it waits no more", () => {
    const { entry, gate, hold } = setup()
    const [, second] = [hold(), hold(), hold()]
    expect(gate.waiting).toBe(3)

    entry.giveUp(second)
    entry.dequeue()
    expect(gate.waiting).toBe(1)
    entry.dequeue()
    expect([gate.waiting, entry.dequeue(), gate.waiting]).toEqual([0, null, 0])
  })
})
