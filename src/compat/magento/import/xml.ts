import { XMLParser, XMLValidator } from "fast-xml-parser"
import { InvalidInputError } from "../../../core/errors.ts"

/** An element of a file, with what is needed to say where it stands. */
export interface XmlElement {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: readonly XmlElement[]
  readonly text: string
  readonly place: string // "async_events.xml:7"
}

/** Magento's largest are some kilobytes. */
const MOST_BYTES = 1_048_576
const DEEPEST = 20

/**
 * The outermost element of a small file of settings. It may not declare a document type: so it has no entities of its
 * own, neither from elsewhere nor ones that grow when they are written out.
 *
 * @throws InvalidInputError that names file and line
 */
export function readXml(file: string, bytes: Uint8Array): XmlElement {
  const text = decoded(file, bytes)
  const placeAt = placesOf(file, text)
  const declared = text.search(/<!(?:DOCTYPE|ENTITY)/i)
  if (declared >= 0)
    throw new InvalidInputError(
      `${placeAt(declared)}: expected no document type and no entities, which these files do without. Take the declaration out.`,
    )
  const fault = XMLValidator.validate(text)
  if (fault !== true) throw new InvalidInputError(`${file}:${fault.err.line}: ${fault.err.msg}`)
  const [root, ...others] = elementsIn(parsed(file, text), placeAt)
  if (root === undefined || others.length > 0)
    throw new InvalidInputError(`${file}: expected one outermost element, got ${others.length + 1}.`)
  return root
}

function decoded(file: string, bytes: Uint8Array): string {
  if (bytes.byteLength > MOST_BYTES)
    throw new InvalidInputError(`${file}: expected at most ${MOST_BYTES} bytes, got ${bytes.byteLength}.`)
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new InvalidInputError(`${file}: expected text in UTF-8.`, { cause })
  }
}

const PARSER = new XMLParser({
  preserveOrder: true,
  captureMetaData: true,
  ignoreAttributes: false,
  attributeNamePrefix: "",
  parseTagValue: false,
  parseAttributeValue: false,
  maxNestedTags: DEEPEST,
})
const META = XMLParser.getMetaDataSymbol() as symbol

/** As the parser gives it: one key that is the element's name, `:@` for its attributes. */
type Parsed = Readonly<Record<string | symbol, unknown>>

function parsed(file: string, text: string): readonly Parsed[] {
  try {
    return PARSER.parse(text)
  } catch (cause) {
    throw new InvalidInputError(`${file}: ${(cause as Error).message}`, { cause })
  }
}

function elementsIn(nodes: readonly Parsed[], placeAt: (index: number) => string): XmlElement[] {
  return nodes.flatMap((node) => {
    const name = Object.keys(node).find((key) => key !== ":@") as string
    if (name.startsWith("#") || name.startsWith("?")) return []
    const inner = node[name] as readonly Parsed[]
    const { startIndex = 0 } = (node[META] ?? {}) as { startIndex?: number }
    return {
      name,
      attributes: (node[":@"] ?? {}) as Readonly<Record<string, string>>,
      children: elementsIn(inner, placeAt),
      text: inner.map((each) => each["#text"] ?? "").join(""),
      place: placeAt(startIndex),
    }
  })
}

/** Tells in which line a character stands. */
function placesOf(file: string, text: string): (index: number) => string {
  const ends: number[] = []
  for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", end + 1)) ends.push(end)
  return (index) => {
    let [low, high] = [0, ends.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((ends[middle] as number) < index) low = middle + 1
      else high = middle
    }
    return `${file}:${low + 1}`
  }
}
