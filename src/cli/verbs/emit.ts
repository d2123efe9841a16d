import { readFileSync } from "node:fs"
import { text } from "node:stream/consumers"
import { print, printJson, UsageError } from "../output.ts"
import { type StoreFlags, withStore } from "../store.ts"

interface EmitFlags extends StoreFlags {
  readonly id?: string
  readonly key?: string
  readonly sender?: string
  readonly scope?: string
  readonly delay?: number
  readonly metadata?: string
  readonly file?: string
}

export async function emit(name: string, json: string | undefined, flags: EmitFlags): Promise<void> {
  const { id, key, sender, scope, delay } = flags
  const event = {
    name,
    data: await dataOf(json, flags.file),
    metadata: metadataOf(flags.metadata),
    ...{ id, key, sender, scope, delay },
  }
  await withStore(
    flags,
    async (carillon) => {
      const [receipt] = await carillon.emit(event)
      if (receipt === undefined) return
      if (flags.json) printJson(receipt)
      else print(receipt.existing ? `${receipt.id} was emitted before` : receipt.id)
    },
    { create: true },
  )
}

async function dataOf(json: string | undefined, file: string | undefined): Promise<unknown> {
  if (json !== undefined && file !== undefined)
    throw new UsageError("Expected the data as an argument or with --file, got both.")
  if (json !== undefined) return parse("the data", json)
  if (file === undefined) return undefined
  return parse(`\`${file}\``, file === "-" ? await text(process.stdin) : read(file))
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8")
  } catch (error) {
    throw new UsageError(`Expected --file to name a readable file, got: ${(error as Error).message}`)
  }
}

function metadataOf(json: string | undefined): Record<string, unknown> | undefined {
  if (json === undefined) return undefined
  const metadata = parse("--metadata", json)
  if (typeof metadata === "object" && metadata !== null && !Array.isArray(metadata))
    return metadata as Record<string, unknown>
  throw new UsageError("Expected --metadata to be a JSON object.")
}

function parse(what: string, json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (error) {
    throw new UsageError(
      `Expected ${what} to be JSON, such as '{"id":"ord_1001"}', got: ${(error as Error).message}`,
    )
  }
}
