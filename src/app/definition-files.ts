import type { EventDefinition } from "../core/definition.ts"
import { ConfigError } from "../core/errors.ts"

/** A file with what it exports. */
export interface ExportingFile {
  readonly file: string
  readonly exports: Readonly<Record<string, unknown>>
}

export interface ReadDefinitions {
  readonly definitions: readonly EventDefinition[]
  readonly warnings: readonly string[]
}

/**
 * The definitions of the config and of the files, which export them by whatever name. One that comes from several
 * files, exported again, is one.
 *
 * @throws ConfigError when two define the same event
 */
export function readDefinitions(
  configured: readonly EventDefinition[],
  files: readonly ExportingFile[],
): ReadDefinitions {
  const found = new Map<string, { readonly definition: EventDefinition; readonly from: string }>()
  const warnings: string[] = []
  const add = (definition: EventDefinition, from: string): void => {
    const twin = found.get(definition.name)
    if (twin !== undefined && twin.definition !== definition)
      throw new ConfigError(
        `Expected one definition of \`${definition.name}\`, got two: ${twin.from} and ${from}. Leave one of them out.`,
      )
    found.set(definition.name, twin ?? { definition, from })
  }
  for (const each of configured) add(each, "`definitions` of the config")
  for (const { file, exports } of files) {
    const theirs = Object.values(exports).flat().filter(isDefinition)
    if (theirs.length === 0)
      warnings.push(`${file}: expected it to export what \`defineEvent\` returns. The file is skipped.`)
    for (const each of theirs) add(each, file)
  }
  return { definitions: [...found.values()].map(({ definition }) => definition), warnings }
}

function isDefinition(value: unknown): value is EventDefinition {
  const { name, create, resources } = (value ?? {}) as Partial<EventDefinition>
  return typeof name === "string" && typeof create === "function" && Array.isArray(resources)
}
