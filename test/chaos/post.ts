import { setTimeout as sleep } from "node:timers/promises"
import type { Actor, Role, Troupe } from "./troupe.ts"

/** A place in a troupe that is filled again whenever who has it ends. */
export class Post {
  /** Fills them all; resolves when each has begun. Who is to be heard begins after those who are to hear. */
  static async fill(troupe: Troupe, roles: readonly Role[]): Promise<Post[]> {
    const posts = roles.map((role) => new Post(troupe, role))
    await Promise.all(posts.map((post) => post.actor.begun()))
    return posts
  }

  readonly role: Role
  readonly deaths: string[] = [] // of actors that had begun and whom nobody killed
  readonly #troupe: Troupe
  readonly #filled: Promise<void>
  #actor: Actor
  #doomed: Actor | null = null
  #stopped = false

  constructor(troupe: Troupe, role: Role) {
    this.#troupe = troupe
    this.role = role
    this.#actor = troupe.start(role)
    this.#filled = this.#fill()
  }

  get actor(): Actor {
    return this.#actor
  }

  async kill(): Promise<void> {
    this.#doomed = this.#actor
    await this.#actor.kill()
    this.#troupe.kills++
  }

  async freeze(ms: number): Promise<void> {
    const frozen = this.#actor
    frozen.signal("SIGSTOP")
    await sleep(ms)
    frozen.signal("SIGCONT")
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#actor.stop()
    await this.#filled
  }

  get #isOver(): boolean {
    return this.#stopped || this.#troupe.isClosed
  }

  async #fill(): Promise<void> {
    for (;;) {
      const actor = this.#actor
      const hasBegun = await actor.ready
      await actor.ended
      if (this.#isOver) return
      if (hasBegun && actor !== this.#doomed) this.deaths.push(actor.obituary)
      await sleep(100) // while the server is away nobody can begin
      if (this.#isOver) return
      this.#actor = this.#troupe.start(this.role)
    }
  }
}
