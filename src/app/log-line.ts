/** One of pino's JSON lines as people read it: `info: Request Data: {…}`, with the JSON indented. */
export function formatLine(line: string): string {
  const { level, msg, data } = JSON.parse(line) as { level: number; msg?: string; data?: Logged }
  // A request's parts stand in its text already.
  if (isRequest(data)) return `http: ${msg}\n`
  const { err, ...rest } = data ?? {}
  const parts = [msg ?? err?.message ?? "", hasFields(rest) ? JSON.stringify(rest, null, 2) : ""]
  const text = parts.filter((part) => part !== "").join(" ")
  return `${levelName(level)}: ${text}\n${err === undefined ? "" : errorLines(err, text)}`
}

type Logged = Readonly<Record<string, unknown>> & { readonly err?: LoggedError }

interface LoggedError {
  readonly type?: string
  readonly message?: string
  readonly stack?: string
}

function isRequest(data: Logged | undefined): boolean {
  const { method, status } = (data?.http ?? {}) as { method?: unknown; status?: unknown }
  return typeof method === "string" && typeof status === "number"
}

function levelName(level: number): string {
  return LEVEL_NAMES[level] ?? `level ${level}`
}

const LEVEL_NAMES: Readonly<Record<number, string>> = {
  10: "trace",
  20: "debug",
  30: "info",
  40: "warn",
  50: "error",
  60: "fatal",
}

function hasFields(value: object): boolean {
  return Object.keys(value).length > 0
}

/** Where it was thrown, as far as that is the reader's code; the message only if it was not said yet. */
function errorLines({ type, message = "", stack = "" }: LoggedError, said: string): string {
  const all = stack.split("\n").filter((line) => /^\s+at /.test(line))
  const theirs = all.filter((line) => !/\bnode:|\/node_modules\//.test(line) && !line.includes(OWN_FOLDER))
  const frames = theirs.length > 0 ? theirs : all
  const head = message === "" || said.includes(message) ? [] : [`  ${type ?? "Error"}: ${message}`]
  return [...head, ...frames].map((line) => `${line}\n`).join("")
}

const OWN_FOLDER = new URL("..", import.meta.url).href
