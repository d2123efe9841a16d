import { shortDuration } from "../../core/amounts.ts"
import type { EndpointFacts, Facts } from "./facts.ts"
import { count, type Finding, ok, orElse, problem, warning } from "./finding.ts"

/** Whom webhooks cannot be sent to, or whose attempts all fail. Where there are no webhooks there is nothing to say. */
export function webhookFindings(facts: Facts): readonly Finding[] {
  const webhooks = facts.subscriptions.filter(({ target }) => target === "webhook")
  if (webhooks.length === 0) return []
  const ids = new Set(webhooks.map(({ id }) => id))
  const findings = facts.endpoints.filter(({ id }) => ids.has(id)).flatMap((each) => trouble(each, facts.now))
  const them = webhooks.length === 1 ? "it" : "them"
  const fine = `${count(webhooks.length, "webhook")}; nothing keeps ${them} from being sent.`
  return orElse(findings, ok("webhooks", fine))
}

/** One that is back gets more little by little; one that asked to be left alone is. Neither is a trouble. */
function trouble({ id, state }: EndpointFacts, now: number): Finding[] {
  const { stalled, failing, phase, trips, why } = state
  if (stalled !== null) {
    const what = `Nothing could be sent to the webhook \`${id}\` for ${shortDuration(now - stalled.since)}, by a fault of our own: ${stalled.why}`
    return [problem("webhooks", what, OURS)]
  }
  const rests = (phase === "resting" || phase === "probing") && trips > 0
  if (failing === null && !rests) return []
  const since = failing === null ? "" : `, for ${shortDuration(now - failing.since)}`
  const last = rests && why !== "" ? `; it is left alone for a while: ${why}` : "."
  const what = `What is sent to the webhook \`${id}\` fails${since}${last}`
  return [
    warning("webhooks", what, `See what it answers (carillon webhook health ${id}), and ask whose it is.`),
  ]
}

const OURS = "Mend that where the app runs: it is tried again by itself, and uses up no attempts until then."
