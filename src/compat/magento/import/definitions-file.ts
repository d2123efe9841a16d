import type { AsyncEvent } from "./async-events.ts"

/** What a file begins with that may be written anew. */
export const MADE_BY = "// Made by `carillon magento import`"

/** The events as a file of definitions for an app, in TypeScript. */
export function definitionsFile(events: readonly AsyncEvent[], sources: readonly string[]): string {
  const names = new Names()
  const definitions = events.map((event) => definitionOf(names.of(event.name), event))
  const from = `${MADE_BY} from ${sources.map(oneLine).join(", ")}: import it again rather than change it.`
  return [from, 'import { defineEvent } from "carillon"', ...definitions].join("\n\n").concat("\n")
}

function definitionOf(constant: string, { name, class: service, method, resources }: AsyncEvent): string {
  const lines = [
    `export const ${constant} = defineEvent(${JSON.stringify(name)}, {`,
    `  resolve: { service: ${JSON.stringify(service)}, method: ${JSON.stringify(method)} },`,
    ...(resources.length === 0
      ? []
      : [`  resources: [${resources.map((each) => JSON.stringify(each)).join(", ")}],`]),
    "})",
  ]
  return lines.join("\n")
}

/** What stands in the app's configuration beside it: which service stands for which class. */
export function servicesSkeleton(events: readonly AsyncEvent[]): string {
  const names = new Names()
  const classes = [...new Set(events.map((event) => event.class))]
  const lines = classes.map(
    (each) => `      ${JSON.stringify(each)}: ${JSON.stringify(names.of(serviceName(each)))},`,
  )
  return ["  magento: {", "    services: {", ...lines, "    },", "  },"].join("\n")
}

/** `Magento\Sales\Api\OrderRepositoryInterface` is suggested as `orderRepository`. */
function serviceName(className: string): string {
  const last = className.slice(className.lastIndexOf("\\") + 1)
  return last.replace(/Interface$/, "") || last
}

function oneLine(name: string): string {
  return name.replaceAll(/[\p{Cc}\u2028\u2029]/gu, " ")
}

/** Constants' names, no two the same. */
class Names {
  readonly #taken = new Set<string>()

  of(text: string): string {
    const words = text.split(/[^a-z0-9]+/i).filter((word) => word !== "")
    const joined = words.map((word, i) => (i === 0 ? lowerFirst(word) : upperFirst(word))).join("")
    const base = /^[a-z]/i.test(joined) && !RESERVED.includes(joined) ? joined : `event${upperFirst(joined)}`
    let name = base
    for (let next = 2; this.#taken.has(name); next++) name = `${base}${next}`
    this.#taken.add(name)
    return name
  }
}

function lowerFirst(word: string): string {
  return word.charAt(0).toLowerCase() + word.slice(1)
}

function upperFirst(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}

/** One word that is a name of the language's, or of what the file imports. */
const RESERVED: readonly string[] = (
  "arguments await break case catch class const continue debugger default defineEvent delete do else enum eval export " +
  "extends false finally for function if implements import in instanceof interface let new null package private " +
  "protected public return static super switch this throw true try typeof undefined var void while with yield"
).split(" ")
