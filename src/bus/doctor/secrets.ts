import { count, type Finding, listed, ok, problem, warning } from "./finding.ts"

/** Under which keys secrets at rest are. */
export interface SecretFacts {
  readonly keys: readonly {
    readonly keyId: string
    readonly values: number
    readonly state: "first" | "known" | "unknown"
  }[]
}

/** Secrets that nobody can read, or soon could not. Where nothing is sealed there is nothing to say. */
export function secretFindings({ keys }: SecretFacts): readonly Finding[] {
  if (keys.length === 0) return []
  const of = (state: string) => keys.filter((each) => each.state === state)
  const [lost, old] = [of("unknown"), of("known")]
  const amount = (some: SecretFacts["keys"]): string =>
    count(
      some.reduce((sum, { values }) => sum + values, 0),
      "secret",
    )
  const names = (some: SecretFacts["keys"]): string => listed(some.map(({ keyId }) => keyId))
  if (lost.length > 0)
    return [
      problem(
        "secrets",
        `${amount(lost)} at rest cannot be read: no secret here has the key id ${names(lost)}.`,
        "Put the old secret behind the present one in CARILLON_SECRET, then: carillon secret reencrypt",
      ),
    ]
  if (old.length > 0)
    return [
      warning(
        "secrets",
        `${amount(old)} at rest are under an older key (${names(old)}).`,
        "carillon secret reencrypt, and then leave the old secret out of CARILLON_SECRET.",
      ),
    ]
  return [ok("secrets", `${amount(keys)} at rest, under the present key.`)]
}
