import { note, print, printJson, printTable } from "../output.ts"

interface MagentoFlags {
  readonly database?: string
  readonly json?: true
}

export async function listen(dir: string, { database }: MagentoFlags): Promise<void> {
  const { listenToShop } = await import("../../app/magento.ts")
  // What the app itself left open, a timer or a socket, must not keep the process.
  process.exit(await listenToShop({ dir, database }))
}

export async function refused(
  dir: string,
  { limit, retry = false, json }: MagentoFlags & { readonly limit: number; readonly retry?: boolean },
): Promise<void> {
  const [{ shopListener }, { listRefused, retryRefused }] = await Promise.all([
    import("../../app/magento.ts"),
    import("../../compat/magento/listener/refused.ts"),
  ])
  const settings = await shopListener({ dir })
  if (retry) {
    const moved = await retryRefused(settings)
    return json ? printJson({ moved }) : print(`${moved} messages are back in the queue ${settings.queue}`)
  }
  const found = await listRefused(settings, limit)
  if (json) return printJson(found)
  if (found.length === 0) return note(`No message in the queue ${settings.refusedQueue}.`)
  printTable(
    ["REFUSED", "EVENT", "MESSAGE", "CODE", "REASON"],
    found.map(({ refusedAt, eventName, messageId, code, reason }) => [
      refusedAt === null ? null : new Date(refusedAt),
      eventName,
      messageId,
      code,
      reason,
    ]),
  )
  note("When what is wrong is mended, let them be taken again: carillon magento refused --retry")
}
