/**
 * The plural of an English name, for methods and entities: once for types and once for values, by the same rules.
 *
 * A name that ends like a plural stays as it is.
 */
export type Plural<Name extends string> = Name extends Stays | `${string}${Capitalize<Stays>}`
  ? Name
  : IrregularPlural<Name> extends never
    ? RegularPlural<Name>
    : IrregularPlural<Name>

export function pluralOf(name: string): string {
  if (isOneOf(name, STAYS)) return name
  for (const [singular, plural] of Object.entries(IRREGULAR)) {
    if (isOneOf(name, [plural])) return name
    if (name === singular) return plural
    if (name.endsWith(capital(singular))) return name.slice(0, -singular.length) + capital(plural)
  }
  const ending = ENDINGS.find(([end]) => name.endsWith(end))
  if (ending === undefined) return `${name}s`
  return name.slice(0, name.length - ending[0].length) + ending[1]
}

const STAYS = [
  "data",
  "equipment",
  "info",
  "information",
  "media",
  "metadata",
  "money",
  "news",
  "series",
  "sms",
] as const
type Stays = (typeof STAYS)[number]

const IRREGULAR = {
  child: "children",
  criterion: "criteria",
  half: "halves",
  hero: "heroes",
  index: "indices",
  leaf: "leaves",
  man: "men",
  matrix: "matrices",
  person: "people",
  quiz: "quizzes",
  shelf: "shelves",
  vertex: "vertices",
  woman: "women",
} as const
type Irregular = typeof IRREGULAR

type IrregularPlural<Name extends string> = {
  [K in keyof Irregular]: Name extends Irregular[K] | `${string}${Capitalize<Irregular[K]>}`
    ? Name
    : Name extends K
      ? Irregular[K]
      : Name extends `${infer Head}${Capitalize<K>}`
        ? `${Head}${Capitalize<Irregular[K]>}`
        : never
}[keyof Irregular]

/** The first ending that fits counts. */
const ENDINGS = [
  ["ss", "sses"],
  ["sis", "ses"],
  ["us", "uses"],
  ["is", "ises"],
  ["ias", "iases"],
  ["gas", "gases"],
  ["vas", "vases"],
  ["s", "s"],
  ["ay", "ays"],
  ["ey", "eys"],
  ["oy", "oys"],
  ["uy", "uys"],
  ["y", "ies"],
  ["sh", "shes"],
  ["ch", "ches"],
  ["x", "xes"],
  ["z", "zes"],
  ["fe", "ves"],
] as const
type Endings = typeof ENDINGS

type RegularPlural<Name extends string> = ByEnding<Name, Endings>
type ByEnding<Name extends string, Rules> = Rules extends readonly [
  readonly [infer End extends string, infer Becomes extends string],
  ...infer Rest,
]
  ? Name extends `${infer Head}${End}`
    ? `${Head}${Becomes}`
    : ByEnding<Name, Rest>
  : `${Name}s`

function isOneOf(name: string, words: readonly string[]): boolean {
  return words.some((word) => name === word || name.endsWith(capital(word)))
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}
