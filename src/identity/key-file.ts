import { randomBytes } from "node:crypto"
import { link, mkdir, open, unlink, writeFile } from "node:fs/promises"
import { dirname } from "node:path"
import { ConfigError, codeOf } from "../core/errors.ts"

const SECRET_BYTES = 48

/**
 * The secret in a file that only its owner may read; it is made where there is none. Of processes that come at the
 * same moment one makes it, and all read that one.
 *
 * @throws ConfigError when the file can be neither read nor made, is empty, or may be read by others
 */
export async function keptSecret(file: string): Promise<{ readonly secret: string; readonly made: boolean }> {
  try {
    const kept = await read(file)
    if (kept !== null) return { secret: kept, made: false }
    const made = await make(file)
    return { secret: (await read(file)) ?? refuseEmpty(file), made }
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    throw new ConfigError(
      `Expected to read or make the secret in ${file}, got ${codeOf(cause) ?? "an error"}. Make that possible, or set CARILLON_SECRET.`,
      { cause },
    )
  }
}

/** null = there is no such file. */
async function read(file: string): Promise<string | null> {
  try {
    await using handle = await open(file)
    refuseShared(file, (await handle.stat()).mode)
    return (await handle.readFile("utf8")).trim() || refuseEmpty(file)
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null
    throw error
  }
}

/** It is made for its owner alone; who else could read it may have done so. Windows says nothing of that in a mode. */
function refuseShared(file: string, mode: number): void {
  if (process.platform === "win32" || (mode & OTHERS) === 0) return
  throw new ConfigError(
    `Expected the secret in ${file} to be readable by its owner only, got mode ${(mode & 0o777).toString(8)}. Run \`chmod 600 ${file}\`, and change the secret if others may have seen it.`,
  )
}

const OTHERS = 0o077

function refuseEmpty(file: string): never {
  throw new ConfigError(
    `Expected a secret in ${file}, got an empty file, or a link to none. Put the secret back; if nothing was sealed with it yet, remove the file, and another is made.`,
  )
}

/** A link is there with all its content or not at all, and never takes another's place. False when there is one. */
async function make(file: string): Promise<boolean> {
  await mkdir(dirname(file), { recursive: true })
  const draft = `${file}.${randomBytes(8).toString("hex")}`
  await writeFile(draft, `${randomBytes(SECRET_BYTES).toString("base64url")}\n`, { mode: 0o600, flag: "wx" })
  try {
    await link(draft, file)
    return true
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false
    throw error
  } finally {
    await unlink(draft)
  }
}
