import { ConfigError, expected } from "../../core/errors.ts"

/** The parameters in a path that fits; null = it does not. */
export type Match = (path: string) => Readonly<Record<string, string>> | null

/** @param below - whether paths below the matcher's fit, too */
export function matchOf(matcher: string | RegExp, below: boolean): Match {
  // One with the flag `g` or `y` would remember where it was.
  if (matcher instanceof RegExp) {
    const pattern = new RegExp(matcher.source, matcher.flags.replace(/[gy]/g, ""))
    return (path) => (pattern.test(path) ? {} : null)
  }
  const exact = matcher === "*" ? "/*" : `/${matcher.replace(/^\/+|\/+$/g, "")}`
  const patterns = below
    ? [patternOf(exact), patternOf(`${exact === "/" ? "" : exact}/*`)]
    : [patternOf(exact)]
  return (path) => {
    for (const pattern of patterns) {
      const found = pattern.exec({ pathname: path })
      if (found !== null) return named(found.pathname.groups)
    }
    return null
  }
}

function patternOf(pathname: string): URLPattern {
  try {
    return new URLPattern({ pathname })
  } catch (cause) {
    throw new ConfigError(expected("a matcher such as `/admin/brands/:id` or `/store*`", pathname), { cause })
  }
}

function named(groups: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const params: Record<string, string> = {}
  for (const [name, value] of Object.entries(groups))
    if (value !== undefined && !/^\d+$/.test(name)) params[name] = value
  return params
}
