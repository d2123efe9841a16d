import { promises as dns } from "node:dns"
import { SendError } from "./send-error.ts"

export interface ResolvedAddress {
  readonly address: string
  readonly family: 4 | 6
}

/** All addresses of a name. @throws SendError when there are none */
export type ResolveName = (name: string) => Promise<readonly ResolvedAddress[]>

export interface NamesOptions {
  /** @defaultValue those of the system */
  readonly servers?: readonly string[]
  /** The system's own resolver, for what the DNS does not know. */
  readonly lookup?: ResolveName
}

// Together with the question whether the DNS answers at all, this ends before a connection's five seconds.
const LIMIT_MS = 3_000
const SECOND_FAMILY_MS = 100
const ALIVE_FOR_MS = 5_000

/** What servers answer, or do not, that may be their fault or that of whoever keeps the name. */
const DOUBTFUL: ReadonlySet<string> = new Set(["ETIMEOUT", "ESERVFAIL", "EREFUSED", "EAI_AGAIN"])

/**
 * Resolves names without the system's resolver where the DNS knows them: that one waits in a thread of which a process
 * has four, and a few recipients whose name servers never answer would hold up every file and name of this process.
 */
export class Names {
  readonly #servers: readonly string[] | undefined
  readonly #system: SystemLookups
  readonly #underWay = new Map<string, Promise<readonly ResolvedAddress[]>>()
  #resolver: dns.Resolver
  #alive: { readonly at: number; readonly answer: Promise<boolean> } | null = null // null = nobody asked

  constructor({ servers, lookup = lookedUp }: NamesOptions = {}) {
    this.#servers = servers
    this.#system = new SystemLookups(lookup)
    this.#resolver = this.#newResolver(2)
  }

  /** Those who ask for the same name at the same time share an answer. */
  readonly resolve: ResolveName = (name) => {
    const underWay = this.#underWay.get(name)
    if (underWay !== undefined) return underWay
    const answer = within(LIMIT_MS, this.#ask(name))
      .catch(async (error) => Promise.reject(await this.#explained(error)))
      .finally(() => this.#underWay.delete(name))
    this.#underWay.set(name, answer)
    return answer
  }

  /** A name of one word is this network's: the search list, or the hosts file. */
  async #ask(name: string): Promise<readonly ResolvedAddress[]> {
    if (!name.includes(".")) return this.#system.lookup(name)
    try {
      return await this.#askServers(name)
    } catch (error) {
      if (codeOf(error) === "ETIMEOUT") throw error
      // The hosts file or the local network may have it; if not, what the DNS said is the better reason.
      return this.#system.lookup(name).catch(() => Promise.reject(error))
    }
  }

  async #askServers(name: string): Promise<readonly ResolvedAddress[]> {
    const v6 = settled(this.#resolver.resolve6(name), 6)
    const v4 = await settled(this.#resolver.resolve4(name), 4)
    const found = v4.addresses.length > 0 ? await atMost(SECOND_FAMILY_MS, v6) : await v6
    const all = [...v4.addresses, ...found.addresses]
    if (all.length === 0) throw v4.error ?? found.error
    return all
  }

  async #explained(error: unknown): Promise<SendError> {
    const code = codeOf(error)
    const isDown = code === "ECONNREFUSED" || (DOUBTFUL.has(code) && !(await this.#isAlive()))
    if (isDown) {
      this.#resolver = this.#newResolver(2) // which reads anew what servers the system has
      return new SendError("Expected this machine's DNS to answer, it does not.", {
        fault: "sender",
      })
    }
    const what = DOUBTFUL.has(code) ? "to be resolved, its name servers do not answer" : "to have an address"
    return new SendError(`Expected the recipient's name ${what} (${code}).`)
  }

  /** Every resolver that works knows the root. Whoever keeps a name cannot make it look as if ours did not. */
  #isAlive(): Promise<boolean> {
    const now = performance.now()
    if (this.#alive === null || now - this.#alive.at > ALIVE_FOR_MS)
      this.#alive = { at: now, answer: this.#askForRoot() }
    return this.#alive.answer
  }

  async #askForRoot(): Promise<boolean> {
    try {
      await within(1_000, this.#newResolver(1).resolveNs("."))
      return true
    } catch (error) {
      return codeOf(error) === "ENODATA" || codeOf(error) === "ENOTFOUND"
    }
  }

  #newResolver(tries: number): dns.Resolver {
    const resolver = new dns.Resolver({ timeout: 700, tries })
    if (this.#servers !== undefined) resolver.setServers(this.#servers)
    return resolver
  }
}

/** The system's resolver, two questions at a time: half of the threads that it shares with everything else. */
class SystemLookups {
  readonly #lookup: ResolveName
  readonly #waiting: (() => void)[] = []
  #free = 2

  constructor(lookup: ResolveName) {
    this.#lookup = lookup
  }

  async lookup(name: string): Promise<readonly ResolvedAddress[]> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#free--
    try {
      return await this.#lookup(name)
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }
}

async function lookedUp(name: string): Promise<readonly ResolvedAddress[]> {
  const found = await dns.lookup(name, { all: true, order: "ipv4first" })
  return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }))
}

interface FamilyAnswer {
  readonly addresses: readonly ResolvedAddress[]
  readonly error: unknown
}

function settled(asked: Promise<readonly string[]>, family: 4 | 6): Promise<FamilyAnswer> {
  return asked.then(
    (found) => ({ addresses: found.map((address) => ({ address, family })), error: null }),
    (error: unknown) => ({ addresses: [], error }),
  )
}

/** What has not come by then is not waited for. */
async function atMost(ms: number, answer: Promise<FamilyAnswer>): Promise<FamilyAnswer> {
  return within(ms, answer).catch(() => ({ addresses: [], error: null }))
}

async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(Object.assign(new Error("no answer"), { code: "ETIMEOUT" })), ms)
  })
  return Promise.race([answer, late]).finally(() => clearTimeout(timer))
}

function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { readonly code?: unknown }
  return typeof code === "string" ? code : "no code"
}
