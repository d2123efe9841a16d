import { InvalidInputError } from "../../../core/errors.ts"
import { checkEventName } from "../../../core/pattern.ts"
import { readXml, type XmlElement } from "./xml.ts"

/** An event of an `async_events.xml`. */
export interface AsyncEvent {
  readonly name: string // in small letters, as Magento reads it: so publishers and subscriptions there have it
  readonly class: string // without a leading backslash
  readonly method: string
  readonly resources: readonly string[]
  readonly place: string // of the element, "async_events.xml:7"
}

export interface XmlFile {
  readonly name: string // as it is called in messages
  readonly bytes: Uint8Array
}

/**
 * The events of a shop's modules, in the order of their files. What two files say of one event must agree; its resources
 * are put together.
 *
 * Magento would let the module that comes later win, and which that is only the shop knows.
 *
 * @throws InvalidInputError that names file and line
 */
export function readAsyncEvents(files: readonly XmlFile[]): readonly AsyncEvent[] {
  const known = new Map<string, AsyncEvent>()
  for (const { name, bytes } of files) {
    const own = eventsIn(readXml(name, bytes))
    refuseTwins(own)
    for (const event of own) known.set(event.name, merged(known.get(event.name), event))
  }
  return [...known.values()]
}

function eventsIn(root: XmlElement): readonly AsyncEvent[] {
  if (root.name !== "config") throw wrong(root, "the outermost element to be `config`", `\`${root.name}\``)
  return root.children.map(eventOf)
}

function refuseTwins(events: readonly AsyncEvent[]): void {
  const seen = new Map<string, AsyncEvent>()
  for (const event of events) {
    const twin = seen.get(event.name)
    if (twin !== undefined)
      throw new InvalidInputError(
        `${event.place}: expected each event once, got \`${event.name}\` again: it stands at ${twin.place}.`,
      )
    seen.set(event.name, event)
  }
}

function merged(before: AsyncEvent | undefined, event: AsyncEvent): AsyncEvent {
  if (before === undefined) return event
  const isSame = before.class === event.class && before.method === event.method
  if (!isSame)
    throw new InvalidInputError(
      `${event.place}: expected \`${event.name}\` to be as at ${before.place}, which says ${callOf(before)}, got ${callOf(event)}. Leave out the file whose module comes first in the shop.`,
    )
  return { ...before, resources: [...new Set([...before.resources, ...event.resources])] }
}

function callOf({ class: service, method }: AsyncEvent): string {
  return `${service}::${method}`
}

function eventOf(element: XmlElement): AsyncEvent {
  if (element.name !== "async_event") throw wrong(element, "`async_event`", `\`${element.name}\``)
  const name = attributeOf(element, "name", /^[\w.-]+$/, "of letters, digits, `.`, `-` and `_`").toLowerCase()
  checkEventName(name)
  refuseOthers(element, ["name"])
  const [service, ...more] = element.children.filter((child) => child.name === "service")
  if (service === undefined || more.length > 0)
    throw wrong(element, `one \`service\` of \`${name}\``, service === undefined ? "none" : "several")
  refuseOthers(service, ["class", "method"])
  const className = attributeOf(service, "class", CLASS, "that names a PHP class or interface")
  return {
    name,
    class: className.replace(/^\\/, ""),
    method: attributeOf(service, "method", /^[a-z_]\w*$/i, "that names a method"),
    resources: resourcesOf(element),
    place: element.place,
  }
}

const CLASS = /^\\?[a-z_]\w*(?:\\[a-z_]\w*)*$/i

function resourcesOf(element: XmlElement): readonly string[] {
  const others = element.children.filter(({ name }) => name !== "service" && name !== "resources")
  for (const child of others) throw wrong(child, "`service` or `resources`", `\`${child.name}\``)
  const lists = element.children.filter(({ name }) => name === "resources")
  return [...new Set(lists.flatMap(({ children }) => children.map(resourceOf)))]
}

function resourceOf(element: XmlElement): string {
  const text = element.text.trim()
  if (element.name !== "resource") throw wrong(element, "`resource`", `\`${element.name}\``)
  if (text === "" || text.length > 255 || /\s/.test(text))
    throw wrong(element, "the name of a resource, such as `Magento_Sales::actions_view`", `\`${text}\``)
  return text
}

function attributeOf(element: XmlElement, name: string, pattern: RegExp, what: string): string {
  const value = element.attributes[name]
  if (value !== undefined && value.length <= 255 && pattern.test(value)) return value
  throw wrong(
    element,
    `\`${element.name}\` to have a \`${name}\` ${what}`,
    value === undefined ? "none" : `\`${value.slice(0, 60)}\``,
  )
}

function refuseOthers(element: XmlElement, known: readonly string[]): void {
  const other = Object.keys(element.attributes).find((name) => !known.includes(name))
  if (other !== undefined)
    throw wrong(element, `\`${element.name}\` to have ${known.join(" and ")}`, `\`${other}\``)
}

function wrong({ place }: XmlElement, what: string, came: string): InvalidInputError {
  return new InvalidInputError(`${place}: expected ${what}, got ${came}.`)
}
