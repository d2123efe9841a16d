import { mkdir, readFile, writeFile } from "node:fs/promises"
import { dirname } from "node:path"
import { readAsyncEvents } from "../../compat/magento/import/async-events.ts"
import { definitionsFile, MADE_BY, servicesSkeleton } from "../../compat/magento/import/definitions-file.ts"
import { InvalidInputError } from "../../core/errors.ts"
import { note, print } from "../output.ts"

export interface ImportFlags {
  readonly out?: string
  readonly force?: boolean
}

/** Nothing is written unless every file was read without a fault. */
export async function importEvents(
  files: readonly string[],
  { out, force = false }: ImportFlags,
): Promise<void> {
  const events = readAsyncEvents(await Promise.all(files.map(readGiven)))
  if (events.length === 0) throw new InvalidInputError(`Expected events in ${files.join(", ")}, got none.`)
  const text = definitionsFile(events, files)
  if (out === undefined) {
    print(text.trimEnd())
  } else {
    await write(out, text, force)
    note(`${events.length} ${events.length === 1 ? "event is" : "events are"} defined in ${out}.`)
  }
  note("")
  note("Say in carillon.config.ts which services stand for the shop's classes:")
  note("")
  note(servicesSkeleton(events))
}

async function readGiven(name: string) {
  try {
    return { name, bytes: await readFile(name) }
  } catch (cause) {
    throw new InvalidInputError(`Expected a file that can be read, got ${name}.`, { cause })
  }
}

async function write(out: string, text: string, force: boolean): Promise<void> {
  const before = await readFile(out, "utf8").catch(nothingThere)
  if (before !== null && !before.startsWith(MADE_BY) && !force)
    throw new InvalidInputError(
      `Expected ${out} to be free or made by this verb, got a file of somebody's own. Choose another, or say --force.`,
    )
  await mkdir(dirname(out), { recursive: true })
  await writeFile(out, text)
}

function nothingThere(error: NodeJS.ErrnoException): null {
  if (error.code === "ENOENT") return null
  throw error
}
