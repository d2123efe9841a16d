import { UnsupportedError } from "../core/errors.ts"
import type { Direction } from "./listing.ts"
import type { EntityResolver } from "./resolver.ts"

/** What `query.graph` is asked for. */
export interface GraphRequest {
  /** A data model's name, or its plural; or the name of an entity with a resolver of its own. */
  readonly entity: string
  /** Names of properties; `*` = all. */
  readonly fields: readonly string[]
  /** As the generated `list…` methods take them. */
  readonly filters?: Readonly<Record<string, unknown>>
  readonly pagination?: {
    readonly skip?: number
    readonly take?: number
    readonly order?: Readonly<Record<string, Direction>>
  }
  /** For resolvers of one's own. */
  readonly context?: unknown
  /** Rows that were softly deleted, too. @defaultValue false */
  readonly withDeleted?: boolean
}

export interface GraphOptions {
  /** Every value of the primary key in `filters` must be found. @defaultValue false */
  readonly throwIfKeyNotFound?: boolean
  /** `false`: `data` is the first row instead of a list. @defaultValue true */
  readonly isList?: boolean
}

/** How much there is of it, where a part of it was asked for. */
export interface GraphMetadata {
  readonly count: number
  readonly skip: number
  readonly take: number
}

// biome-ignore lint/suspicious/noExplicitAny: an entity is known by its name only, as what `JSON.parse` reads
export type GraphRow = any

/** What `query.graph` found. */
export interface GraphResult<Data> {
  readonly data: Data
  readonly metadata?: GraphMetadata
}

/** Asks for entities of all modules by their names; the container has it as `query`. */
export class Query {
  /**
   * Finds rows of an entity.
   *
   * @throws InvalidInputError when the entity or a field does not exist
   * @throws NotFoundError when `throwIfKeyNotFound` is set and a key is not found
   */
  graph<Row = GraphRow>(
    request: GraphRequest,
    options: GraphOptions & { readonly isList: false },
  ): Promise<GraphResult<Row | undefined>>
  graph<Row = GraphRow>(request: GraphRequest, options?: GraphOptions): Promise<GraphResult<Row[]>>
  async graph(_request: GraphRequest, _options: GraphOptions = {}): Promise<GraphResult<unknown>> {
    throw new UnsupportedError("Not there yet.")
  }

  /**
   * Answers for an entity that is no table of a module's.
   *
   * @throws InvalidInputError when there is an entity of that name
   */
  register(_name: string, _resolver: EntityResolver): void {
    throw new UnsupportedError("Not there yet.")
  }
}
