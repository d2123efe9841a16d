import type { Direction } from "./listing.ts"

/** Which rows `query.graph` asks a resolver for. */
export interface ResolveRequest {
  readonly fields: readonly string[] // `*` = all
  readonly filters: Readonly<Record<string, unknown>>
  readonly pagination: {
    readonly skip?: number
    readonly take?: number
    readonly order?: Readonly<Record<string, Direction>>
  }
  readonly context: unknown
  readonly withDeleted: boolean
}

/** Rows, or rows and how many there are in all, whatever was asked to be skipped and taken. */
export type Resolved =
  | readonly Readonly<Record<string, unknown>>[]
  | { readonly rows: readonly Readonly<Record<string, unknown>>[]; readonly count: number }

/** Who answers for an entity in `query.graph` that is no table of a module's. */
export interface EntityResolver<Service = unknown> {
  /** The names of its fields; what is not among them is refused. @defaultValue anything goes */
  readonly fields?: readonly string[]
  /** The field that its rows are known by. @defaultValue "id" */
  readonly primaryKey?: string
  /** Is called with the module's service as `this` when it stands in a module's definition. */
  resolve(this: Service, request: ResolveRequest): Promise<Resolved> | Resolved
}
