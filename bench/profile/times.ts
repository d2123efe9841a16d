/** As the profiler writes it. */
export interface CpuProfile {
  readonly nodes: readonly Node[]
  readonly samples: readonly number[]
  /** Microseconds from each sample's predecessor. */
  readonly timeDeltas: readonly number[]
}

interface Node {
  readonly id: number
  readonly callFrame: Frame
  readonly children?: readonly number[]
}

export interface Frame {
  readonly functionName: string
  readonly url: string
  readonly lineNumber: number
}

/** Microseconds by name: of its own, and with all that was called from there. */
export interface Times {
  readonly self: ReadonlyMap<string, number>
  readonly total: ReadonlyMap<string, number>
}

/** `nameOf` says under which name a frame's time is added up. What a promise continues has no caller. */
export function timesOf({ nodes, samples, timeDeltas }: CpuProfile, nameOf: (frame: Frame) => string): Times {
  const selfOf = new Map<number, number>()
  samples.forEach((id, index) => {
    // A sample's time runs until the next one.
    selfOf.set(id, (selfOf.get(id) ?? 0) + (timeDeltas[index + 1] ?? 0))
  })
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const self = new Map<string, number>()
  const total = new Map<string, number>()
  // A name that is on the way already has this time: recursion counts once.
  const walk = (node: Node, above: ReadonlySet<string>): void => {
    const name = nameOf(node.callFrame)
    const way = above.has(name) ? above : new Set(above).add(name)
    const us = selfOf.get(node.id) ?? 0
    add(self, name, us)
    if (us > 0) for (const each of way) add(total, each, us)
    for (const id of node.children ?? []) {
      const child = byId.get(id)
      if (child !== undefined) walk(child, way)
    }
  }

  const [root] = nodes
  if (root !== undefined) walk(root, new Set())
  return { self, total }
}

function add(times: Map<string, number>, name: string, us: number): void {
  times.set(name, (times.get(name) ?? 0) + us)
}
