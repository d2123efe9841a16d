import { getDefinition, listDefinitions, listEventNames } from "../../contract/names.ts"
import { NotFoundError } from "../../core/errors.ts"
import { type Served, serve } from "../served.ts"
import { pageOfWhole } from "../whole-list.ts"

export const nameRoutes: readonly Served[] = [
  serve(listEventNames, async ({ carillon, query, scopes, cursors }) => {
    const all = await carillon.eventNames({ scopes })
    return pageOfWhole(all, { query, cursors, keyOf: ({ name }) => name })
  }),
  serve(listDefinitions, async ({ carillon, query, cursors }) =>
    pageOfWhole(carillon.definitions(), { query, cursors, keyOf: ({ name }) => name }),
  ),
  serve(getDefinition, async ({ carillon, params: { name } }) => {
    const found = carillon.definitions().find((each) => each.name === name)
    if (found !== undefined) return found
    throw new NotFoundError(`Expected the name of a defined event, got \`${name}\`, which is none here.`)
  }),
]
