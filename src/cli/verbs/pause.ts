import { audited } from "../audited.ts"
import { print, printJson } from "../output.ts"
import { type StoreFlags, withStore } from "../store.ts"

export async function pause(subscription: string, flags: StoreFlags): Promise<void> {
  await withStore(flags, async (carillon) => {
    const act = { action: "subscription.pause", target: subscription, details: { group: flags.group } }
    await audited(carillon, act, () => carillon.pause(subscription, { group: flags.group }))
    if (flags.json) printJson({ subscription, paused: true })
    else print(`${subscription} is paused`)
  })
}

export async function resume(subscription: string, flags: StoreFlags): Promise<void> {
  await withStore(flags, async (carillon) => {
    const act = { action: "subscription.resume", target: subscription, details: { group: flags.group } }
    await audited(carillon, act, () => carillon.resume(subscription, { group: flags.group }))
    if (flags.json) printJson({ subscription, paused: false })
    else print(`${subscription} goes on`)
  })
}
