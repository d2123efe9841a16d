import { audited } from "../audited.ts"
import { note, Progress, print, printJson, printTable } from "../output.ts"
import { type StoreFlags, withStore } from "../store.ts"

export async function check(flags: StoreFlags): Promise<void> {
  await withStore(flags, async ({ identity }) => {
    const report = await identity.sealed.check()
    if (report.unreadable > 0) process.exitCode = 1
    if (flags.json) return printJson(report)
    printTable(
      ["KEY ID", "SECRETS", "STATE"],
      report.keys.map(({ keyId, values, state }) => [keyId, values, STATES[state]]),
    )
    if (report.unreadable > 0)
      note("Put the secrets of unknown keys behind the present one in CARILLON_SECRET.")
    else if (report.behind > 0) note("Bring them under the present key with: carillon secret reencrypt")
  })
}

const STATES = { first: "present", known: "older", unknown: "unknown: cannot be read" } as const

export async function reencrypt(flags: StoreFlags): Promise<void> {
  const progress = new Progress()
  await withStore(flags, async (carillon) => {
    const report = await audited(carillon, { action: "secret.reencrypt" }, async (trace) => {
      const { sealed } = carillon.identity
      const done = await sealed.reencrypt({
        onProgress: ({ values, resealed }) => progress.show(`${resealed} of ${values} secrets sealed anew`),
      })
      trace({ keyId: done.keyId, resealed: done.resealed, unreadable: done.unreadable.length })
      return done
    })
    progress.end()
    if (report.unreadable.length > 0) process.exitCode = 1
    if (flags.json) return printJson(report)
    print(
      `${report.resealed} of ${report.values} secrets are sealed anew, under the key ${report.keyId ?? "-"}`,
    )
    for (const { collection, id, field, code } of report.unreadable)
      note(`left ${field} of ${id} among the ${collection} as it is: ${code}`)
  })
}
