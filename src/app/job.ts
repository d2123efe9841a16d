import type { CarillonContainer } from "../container.ts"
import { CarillonError, ConfigError, expected } from "../core/errors.ts"
import { createStep, type StepExecutionContext } from "../workflows/create-step.ts"
import { createWorkflow } from "../workflows/create-workflow.ts"
import type { ScheduleSettings } from "../workflows/workflow-options.ts"

/** What a file of `src/jobs` or `src/schedules` exports as `config`. */
export interface JobConfig {
  /** Lasting: a job that is renamed begins anew. */
  readonly name: string
  /** A cron expression (`"0 3 * * *"`), or `{ cron, timeZone }`, or `{ interval }` in milliseconds. */
  readonly schedule: string | ScheduleSettings
  /** How often it runs in all. @defaultValue no end */
  readonly numberOfExecutions?: number
}

/** Called at each of its times, in one process of the group. */
export type JobFunction = (container: CarillonContainer, context: StepExecutionContext) => unknown

/** A file that is called at certain times. */
export interface Job {
  readonly file: string
  readonly name: string
}

/**
 * Makes a workflow of one step of a job's file, with a schedule: so its times outlive every process, and each
 * of its runs can be looked at.
 *
 * @throws ConfigError that names the file and what is wrong
 */
export function readJob(file: string, { default: run, config }: Readonly<Record<string, unknown>>): Job {
  if (typeof run !== "function")
    throw new ConfigError(`${file}: ${expected("its default export to be the function to call", run)}`)
  if (typeof config !== "object" || config === null)
    throw new ConfigError(`${file}: ${expected("an export `config` with `name` and `schedule`", config)}`)
  const { name, schedule, numberOfExecutions, ...others } = config as JobConfig
  const [unknown] = Object.keys(others)
  if (unknown !== undefined)
    throw new ConfigError(
      `${file}: expected \`config\` to have name, schedule, numberOfExecutions; got \`${unknown}\`.`,
    )
  if (typeof name !== "string" || name === "")
    throw new ConfigError(`${file}: ${expected("`config.name` to be the job's lasting name", name)}`)
  if (typeof schedule !== "string" && (typeof schedule !== "object" || schedule === null))
    throw new ConfigError(
      `${file}: ${expected('`config.schedule` to be a cron expression such as `"0 3 * * *"`, or an object', schedule)}`,
    )
  const settings = typeof schedule === "string" ? { cron: schedule } : schedule
  compose(file, name, run as JobFunction, { numberOfExecutions, ...settings })
  return { file, name }
}

function compose(file: string, name: string, run: JobFunction, schedule: ScheduleSettings): void {
  const step = createStep("run", async (_, context) => {
    try {
      await run(context.container, context)
    } catch (error) {
      const { message } = error as Error
      context.logger.error({ err: error }, `Job ${name} failed: ${message}`)
      throw error
    }
  })
  try {
    createWorkflow({ name: `job:${name}`, schedule }, () => {
      step()
    })
  } catch (error) {
    if (!(error instanceof CarillonError)) throw error
    throw new ConfigError(`${file}: ${error.message}`, { cause: error })
  }
}
