import { basename, join, relative } from "node:path"
import { withServices } from "../compat/magento/services.ts"
import { ConfigError, DuplicateSubscriberError } from "../core/errors.ts"
import type { ConfiguredModule } from "../data/open-modules.ts"
import { type Api, loadApi } from "./api.ts"
import { type CheckedConfig, checkConfig, findConfigFile } from "./config.ts"
import { type ExportingFile, readDefinitions } from "./definition-files.ts"
import { findSources } from "./discovery.ts"
import { type Job, readJob } from "./job.ts"
import { newLoader } from "./loader.ts"
import { loadModules } from "./modules.ts"
import { readNotifier } from "./notifier-files.ts"
import { packageNameOf } from "./package-name.ts"
import { readSubscriber, type Subscriber } from "./subscriber.ts"

/** Everything that an app's files say, read and checked; nothing has been started. */
export interface LoadedApp {
  readonly folder: string
  readonly config: CheckedConfig
  readonly subscribers: readonly Subscriber[]
  readonly modules: readonly ConfiguredModule[]
  readonly jobs: readonly Job[]
  readonly api: Api
  /** What is wrong, but leaves the rest able to run. */
  readonly warnings: readonly string[]
  /** Every file this came from, to be watched. */
  readonly files: readonly string[]
}

export interface LoadOptions {
  readonly folder: string // absolute
  readonly database?: string // from the command line
  /** In production a subscriber that could never be called is an error. */
  readonly mode: "dev" | "start"
}

/**
 * @throws ConfigError, DuplicateSubscriberError, or whatever a file throws while it is loaded (a syntax
 *   error, say); the message names the file
 */
export async function loadApp({ folder, database, mode }: LoadOptions): Promise<LoadedApp> {
  const loader = await newLoader(folder)
  const read: Read = async (file) => {
    try {
      return await loader.load(file)
    } catch (error) {
      throw new ConfigError(`${relative(folder, file)} does not load: ${messageOf(error)}`, { cause: error })
    }
  }
  const bare = await loadConfig(folder, database, read)
  const { config, warnings: ofDefinitions } = withDefinitions(
    await withNotifiers(bare, folder, read),
    await loadFiles(folder, "events", read),
  )
  const modules = await loadModules(folder, config.modules, read)
  // A workflow is known from the moment in which its file composes it.
  for (const file of await findSources(join(folder, "src", "workflows"))) await read(file)
  const jobs = await loadJobs(folder, read)
  const warnings: string[] = [...ofDefinitions]
  const subscribers: Subscriber[] = []
  for (const file of await findSources(join(folder, "src", "subscribers"))) {
    const reading = readSubscriber(relative(folder, file), await read(file))
    if (reading.kind === "subscriber") subscribers.push(reading.subscriber)
    if (reading.kind !== "refused") continue
    if (reading.fatal && mode === "start") throw new ConfigError(reading.reason)
    warnings.push(reading.reason)
  }
  refuseTwins(subscribers)
  const api = await loadApi(folder, read)
  const files = loader.files()
  return { folder, config, subscribers, modules, jobs, api, warnings: [...warnings, ...api.warnings], files }
}

type Read = (file: string) => Promise<Readonly<Record<string, unknown>>>

async function loadFiles(folder: string, room: string, read: Read): Promise<readonly ExportingFile[]> {
  const files: ExportingFile[] = []
  for (const file of await findSources(join(folder, "src", room)))
    files.push({ file: relative(folder, file), exports: await read(file) })
  return files
}

function withDefinitions(
  config: CheckedConfig,
  files: readonly ExportingFile[],
): { readonly config: CheckedConfig; readonly warnings: readonly string[] } {
  const { definitions: named, warnings } = readDefinitions(config.carillon.definitions ?? [], files)
  const definitions = withServices(named, config.magento.services)
  return { config: { ...config, carillon: { ...config.carillon, definitions } }, warnings }
}

async function withNotifiers(config: CheckedConfig, folder: string, read: Read): Promise<CheckedConfig> {
  const { webhooks } = config.carillon
  if (webhooks === false) return config
  const files = await loadFiles(folder, "notifiers", read)
  const theirs = files.map(({ file, exports }) => readNotifier(file, exports))
  const notifiers = [...(webhooks?.notifiers ?? []), ...theirs]
  return { ...config, carillon: { ...config.carillon, webhooks: { ...webhooks, notifiers } } }
}

async function loadJobs(folder: string, read: Read): Promise<readonly Job[]> {
  const jobs = new Map<string, Job>()
  for (const room of ["schedules", "jobs"]) {
    for (const file of await findSources(join(folder, "src", room))) {
      const job = readJob(relative(folder, file), await read(file))
      const twin = jobs.get(job.name)
      if (twin !== undefined)
        throw new ConfigError(
          `Expected one file for each job, got two for \`${job.name}\`: ${twin.file} and ${job.file}. Rename one.`,
        )
      jobs.set(job.name, job)
    }
  }
  return [...jobs.values()]
}

async function loadConfig(folder: string, database: string | undefined, read: Read): Promise<CheckedConfig> {
  const file = findConfigFile(folder)
  const exports = file === null ? { default: {} } : await read(file)
  const name = file === null ? "carillon.config.ts" : basename(file)
  const config = checkConfig(exports.default, { file: name, folder, database })
  const group = config.carillon.group ?? packageNameOf(folder) ?? "default"
  return { ...config, carillon: { ...config.carillon, group } }
}

/** With one id, the two would share one subscription, and each event would reach only one of them. */
function refuseTwins(subscribers: readonly Subscriber[]): void {
  const seen = new Map<string, string>()
  for (const { id, events, file } of subscribers) {
    for (const event of events) {
      const twin = seen.get(`${id}@${event}`)
      if (twin !== undefined)
        throw new DuplicateSubscriberError(
          `Subscriber with id ${id} already exists on \`${event}\`: ${twin} and ${file}. Rename one's function, or give it a \`context.subscriberId\`.`,
        )
      seen.set(`${id}@${event}`, file)
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.trim() : String(error)
}
