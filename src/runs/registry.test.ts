import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import type { WorkflowDefinition } from "./definition.ts"
import { definitionOf, workflowRegistry } from "./registry.ts"

function definition(id: string, hash = "h1"): WorkflowDefinition {
  const options = { retentionTime: null, idempotent: false, timeout: null, schedule: null }
  return { id, hash, options, levels: [], result: () => undefined }
}

beforeEach(() => workflowRegistry.clear())
afterEach(() => workflowRegistry.clear())

describe("the registry of workflows", () => {
  it("is the same for another copy of the module", async () => {
    const sync = definition("sync-brands")
    vi.resetModules()
    const other = await import("./registry.ts")

    other.workflowRegistry.register(sync)

    expect(other.workflowRegistry).not.toBe(workflowRegistry)
    expect(workflowRegistry.get("sync-brands")).toBe(sync)
  })

  it("tells listeners of each workflow until they are taken off, also after it was cleared", () => {
    const heard: string[] = []
    const off = workflowRegistry.onRegister(({ id }) => heard.push(id))

    workflowRegistry.register(definition("a"))
    workflowRegistry.clear()
    workflowRegistry.register(definition("a", "h2"))
    off()
    workflowRegistry.register(definition("b"))

    expect(heard).toEqual(["a", "a"])
    expect(workflowRegistry.all().map(({ id, hash }) => `${id} ${hash}`)).toEqual(["a h2", "b h1"])
  })

  it("tells nobody of what is composed aside until it takes the place of what stands", async () => {
    const heard: string[] = []
    const standing = definition("place-order")
    workflowRegistry.register(standing)
    const off = workflowRegistry.onRegister(({ id }) => heard.push(id))

    const { loaded, composed } = await workflowRegistry.aside(async () => {
      workflowRegistry.register(definition("place-order", "h2"))
      return "the next version"
    })

    expect([loaded, workflowRegistry.all(), heard]).toEqual(["the next version", [standing], []])
    workflowRegistry.replace(composed)
    expect(workflowRegistry.all().map(({ id, hash }) => `${id} ${hash}`)).toEqual(["place-order h2"])
    off()
  })

  it("registers as ever after a version did not load", async () => {
    await workflowRegistry.aside(() => Promise.reject(new Error("const = 1"))).catch(() => {})

    workflowRegistry.register(definition("place-order"))

    expect(workflowRegistry.get("place-order")).not.toBeNull()
  })

  it("knows a workflow by its id, its definition or what was composed", () => {
    const sync = definition("sync-brands")
    workflowRegistry.register(sync)

    expect([definitionOf("sync-brands"), definitionOf(sync), definitionOf({ definition: sync })]).toEqual([
      sync,
      sync,
      sync,
    ])
  })

  it("names those it has when it is asked for another", () => {
    workflowRegistry.register(definition("create-brand"))

    expect(() => definitionOf("sync-brands")).toThrow(
      "There is no workflow `sync-brands` in this process, which has `create-brand`. Import the file that composes it before it is run.",
    )
  })
})
