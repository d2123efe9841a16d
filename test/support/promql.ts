/** What stands in a query where a metric might, and is none. */
const WORDS = new Set([
  "by",
  "without",
  "on",
  "ignoring",
  "group_left",
  "group_right",
  "and",
  "or",
  "unless",
  "bool",
  "offset",
])

/**
 * The metrics that a PromQL query reads: its names that are no function, no operator and no label.
 *
 * @throws Error where its brackets do not match
 */
export function metricsIn(query: string): string[] {
  const bare = query
    .replaceAll(/"(?:[^"\\]|\\.)*"/g, '""')
    .replaceAll(/\{[^{}]*\}/g, "")
    .replaceAll(/\[[^[\]]*\]/g, "")
    .replaceAll(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)/g, "")
  if (/[{}[\]"]/.test(bare) || !isBalanced(bare)) throw new Error(`Expected a query of PromQL, got ${query}`)
  const names = bare.matchAll(/(?<![\w:.])([a-zA-Z_:][\w:]*)(\s*\()?/g)
  return [...names].flatMap(([, name = "", call]) => (call === undefined && !WORDS.has(name) ? [name] : []))
}

/** The metric of a variable's `label_values(metric, label)`. */
export function metricsInVariable(query: string): string[] {
  const [, of] = /^label_values\((.*),\s*\w+\)$/.exec(query) ?? []
  if (of === undefined) throw new Error(`Expected label_values(…), got ${query}`)
  return metricsIn(of)
}

function isBalanced(text: string): boolean {
  let depth = 0
  for (const char of text) {
    if (char === "(") depth++
    if (char === ")" && --depth < 0) return false
  }
  return depth === 0
}
