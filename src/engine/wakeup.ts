/** The engine's hint that there may be work. It may be lost; polling is the net. */
export interface WakeupPort {
  /**
   * Tells other processes that work was written: for these groups, or, with null, something that
   * concerns everybody, such as the catalog. A no-op where they notice by themselves.
   */
  hint(groups: readonly string[] | null): void
  /** Calls back when another process wrote; returns how to stop listening. */
  listen(onHint: (groups: readonly string[] | null) => void): () => void
}
