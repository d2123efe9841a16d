/** What one look at a store found out. */
export interface Finding {
  /** What was looked at, in a word or two that stay the same: `connection`, `lag`, `dead letters` … */
  readonly check: string
  /** `problem`: something is lost, stands still, or soon will. `warning`: somebody should look at it. */
  readonly verdict: "ok" | "warning" | "problem"
  /** What it is, in a sentence. */
  readonly what: string
  /** What to do about it, in a sentence; null = nothing. */
  readonly todo: string | null
}

export function ok(check: string, what: string): Finding {
  return { check, verdict: "ok", what, todo: null }
}

export function warning(check: string, what: string, todo: string): Finding {
  return { check, verdict: "warning", what, todo }
}

export function problem(check: string, what: string, todo: string): Finding {
  return { check, verdict: "problem", what, todo }
}

/** Where nothing was found, that is said. */
export function orElse(findings: readonly Finding[], fine: Finding): readonly Finding[] {
  return findings.length > 0 ? findings : [fine]
}

/** `1 event`, `2 events`. */
export function count(amount: number, thing: string, things = `${thing}s`): string {
  return amount === 1 ? `1 ${thing}` : `${amount.toLocaleString("en")} ${things}`
}

const MOST_LISTED = 10

/** The first of them, and how many more there are. */
export function listed(names: readonly string[]): string {
  const more = names.length - MOST_LISTED
  return `${names.slice(0, MOST_LISTED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`
}
