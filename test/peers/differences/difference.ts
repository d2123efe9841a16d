/** Something that we want to be otherwise than it is in Medusa. Each stands in `docs/explanation/workflows-beside-medusa.md`. */
export interface Difference {
  readonly what: string
  readonly medusa: string
  readonly carillon: string
  readonly why: string
  /** Where it shows: by program and place of its trace, what Medusa and what Carillon has there. */
  readonly shown: Readonly<Record<string, Readonly<Record<string, readonly [string, string]>>>>
}
