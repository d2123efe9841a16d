/** What a shop's REST API is asked for: below `/rest/V1`, or with a store's code between, or behind `index.php`. */
const PATH = /^(?:\/index\.php)?\/rest(?:\/[A-Za-z]\w{0,63})?\/V1\/(.+?)\/?$/

/** The first words of the routes that there are. */
const ROUTES = /^(?:async_events?|async_event_logs|integration\/admin\/token)(?:\/|$)/

/** The words after `V1`, each with its escapes undone; null = it is not of a shop. Which store it names does not matter. */
export function shopPath(path: string): readonly string[] | null {
  const rest = PATH.exec(path)?.[1]
  if (rest === undefined) return null
  try {
    return rest.split("/").map(decodeURIComponent)
  } catch {
    return rest.split("/") // escapes that are none lead to no route
  }
}

/** Whether a path is one that shops' async events have. Others below `/rest` may be an application's own. */
export function isOfShop(path: string): boolean {
  return ROUTES.test(PATH.exec(path)?.[1] ?? "")
}
