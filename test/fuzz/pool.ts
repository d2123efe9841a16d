const MOST = 40
const LONGEST = 600

/** What answers have said, by where it stood: ids, names and cursors to ask with. */
export class Pool {
  readonly #found = new Map<string, string[]>()

  /** Takes what stands in an answer of this path. */
  learn(path: string, value: unknown): void {
    if (Array.isArray(value)) for (const each of value) this.learn(path, each)
    if (typeof value !== "object" || value === null || Array.isArray(value)) return
    for (const [name, inner] of Object.entries(value)) {
      if (typeof inner === "string") this.#keep(segmentOf(path), name, inner)
      else this.learn(path, inner)
    }
  }

  /** Something that was said under this name, best of all in this room; undefined = nothing was. */
  pick(path: string, name: string, at: number): string | undefined {
    const segment = segmentOf(path)
    const one = singular(segment)
    const keys = [`${segment}.${name}`, ...(name === "id" ? [`${segment}.${one}Id`, `*.${one}Id`] : [])]
    const usual = [`*.${name}`, `*.${singular(name)}`, ...(ALIASES[name] ?? [])]
    const own = keys.flatMap((key) => this.#found.get(key) ?? [])
    const found = own.length > 0 ? own : usual.flatMap((key) => this.#found.get(key) ?? [])
    return found[at % Math.max(found.length, 1)]
  }

  /** It is not there any more. */
  forget(value: string): void {
    for (const [key, values] of this.#found)
      this.#found.set(
        key,
        values.filter((each) => each !== value),
      )
  }

  #keep(segment: string, name: string, value: string): void {
    if (value === "" || value.length > LONGEST) return
    for (const key of [`${segment}.${name}`, `*.${name}`]) {
      const values = this.#found.get(key) ?? []
      if (values.includes(value)) continue
      if (values.length === MOST) values.shift()
      this.#found.set(key, [...values, value])
    }
  }
}

/** Names that ask for what answers call otherwise. */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  ids: ["*.deliveryId"],
  roles: ["roles.name"],
  after: ["*.position"],
  workflow: ["workflows.id"],
}

/** `/api/dead-letters/{id}` is of `deadLetters`. */
function segmentOf(path: string): string {
  const segment = path.replace(/^\/api\//, "").split(/[/?]/, 1)[0] as string
  return segment.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}

function singular(word: string): string {
  return word.endsWith("ies") ? `${word.slice(0, -3)}y` : word.replace(/s$/, "")
}
