import { RegExpRouter } from "hono/router/reg-exp-router"
import { SmartRouter } from "hono/router/smart-router"
import { TrieRouter } from "hono/router/trie-router"
import { getPathNoStrict, tryDecodeURIComponent } from "hono/utils/url"

/** What answers at a path, and what stands there for the parameters of that. */
export interface Found<T> {
  readonly what: T
  readonly params: Record<string, string>
}

/** Finds what answers a request; whoever was added first, where several could. */
export class Router<T> {
  readonly #router = new SmartRouter<T>({ routers: [new RegExpRouter(), new TrieRouter()] })

  /** A path with `{parameters}`; the method `ALL` is for every one. */
  add(method: string, path: string, what: T): void {
    this.#router.add(method, path.replaceAll(/\{(\w+)\}/g, ":$1"), what)
  }

  find(method: string, target: string): Found<T> | null {
    const [[first], values] = this.#router.match(method, pathIn(target))
    if (first === undefined) return null
    const [what, places] = first
    return { what, params: paramsOf(places, values) }
  }
}

/** Without a slash at its end, and with its escapes undone but those of `%` itself, which parameters are yet to be. */
function pathIn(target: string): string {
  if (!/[%?]|.\/$/.test(target)) return target
  return getPathNoStrict({ url: `http://host${target}` } as Request)
}

function paramsOf(
  places: Readonly<Record<string, number | string>>,
  values: readonly string[] | undefined,
): Record<string, string> {
  const params: Record<string, string> = {}
  for (const name in places) {
    const place = places[name]
    const value = values === undefined ? place : values[place as number]
    if (value !== undefined) params[name] = tryDecodeURIComponent(value as string)
  }
  return params
}
