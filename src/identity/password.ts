import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto"
import { OverloadedError } from "../core/errors.ts"

/** Work and memory of one hash: 32 MiB and about a third of a second, as OWASP advises for scrypt. */
export interface PasswordCost {
  readonly log2n: number
  readonly r: number
  readonly p: number
}

const USUAL_COST: PasswordCost = { log2n: 15, r: 8, p: 3 }

/** Hashes run in Node's thread pool, which files and name look-ups need as well. */
const AT_ONCE = 2
const MOST_WAITING = 50

/** Hashes and compares passwords, a few at a time. */
export class Passwords {
  readonly #cost: PasswordCost
  readonly #waiting: (() => void)[] = []
  /** Compared with where there is no user, so that nobody learns from the time who has an account. */
  readonly #nobody: string
  #running = 0

  constructor(cost: PasswordCost = USUAL_COST) {
    this.#cost = cost
    this.#nobody = written(cost, randomBytes(SALT_BYTES), randomBytes(KEY_BYTES))
  }

  async hash(password: string): Promise<string> {
    const salt = randomBytes(SALT_BYTES)
    return written(this.#cost, salt, await this.#derive(password, salt, this.#cost))
  }

  /** Takes as long for no hash (null) as for one that does not fit. */
  async matches(password: string, hash: string | null): Promise<boolean> {
    const { cost, salt, key } = read(hash ?? this.#nobody)
    const isSame = timingSafeEqual(await this.#derive(password, salt, cost), key)
    return isSame && hash !== null
  }

  async #derive(password: string, salt: Buffer, cost: PasswordCost): Promise<Buffer> {
    await this.#turn()
    try {
      return await derive(password, salt, cost)
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }

  async #turn(): Promise<void> {
    if (this.#running < AT_ONCE) {
      this.#running++
      return
    }
    if (this.#waiting.length >= MOST_WAITING)
      throw new OverloadedError(`Expected at most ${MOST_WAITING} log-ins to wait, got more. Try again soon.`)
    await new Promise<void>((go) => this.#waiting.push(go)) // the place of whoever ends is handed on
  }
}

const SALT_BYTES = 16
const KEY_BYTES = 32

function derive(password: string, salt: Buffer, { log2n, r, p }: PasswordCost): Promise<Buffer> {
  const N = 2 ** log2n
  const options: ScryptOptions = { N, r, p, maxmem: 128 * r * (N + p + 2) }
  // The same letters may come composed or decomposed, as the keyboard likes it.
  return new Promise((resolve, reject) => {
    scrypt(password.normalize("NFKC"), salt, KEY_BYTES, options, (error, key) =>
      error === null ? resolve(key) : reject(error),
    )
  })
}

/** `scrypt$15$8$3$salt$key`: what it cost stands with it, so that the usual cost may rise. */
function written({ log2n, r, p }: PasswordCost, salt: Buffer, key: Buffer): string {
  return ["scrypt", log2n, r, p, salt.toString("base64url"), key.toString("base64url")].join("$")
}

function read(hash: string): { cost: PasswordCost; salt: Buffer; key: Buffer } {
  const [, log2n, r, p, salt = "", key = ""] = hash.split("$")
  return {
    cost: { log2n: Number(log2n), r: Number(r), p: Number(p) },
    salt: Buffer.from(salt, "base64url"),
    key: Buffer.from(key, "base64url"),
  }
}
