import type { Carillon } from "../carillon.ts"

/**
 * On a store without users, tokens and applications: a token that is good for making one, and how. It may stand in a log,
 * for it is good once, and for a day.
 */
export async function greet({ identity, logger }: Carillon, url: string): Promise<void> {
  const setup = await identity.setupToken()
  if (setup === null) return
  logger.warn(`Nobody has a token for the API yet. Make the first, with this one that is good once, until ${setup.expiresAt.toISOString()}:
  curl ${url}/api/tokens -H 'Authorization: Bearer ${setup.token}' -H 'Content-Type: application/json' -d '{"name":"first","roles":["admin"],"scopes":"all"}'`)
}
