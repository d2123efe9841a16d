/** The engine's hint that there may be work. It may be lost; polling is the net. */
export interface WakeupPort {
  /** Tells other processes that work was written. Differs by engine; a no-op where they notice by themselves. */
  hint(): void
  /** Calls back when another process wrote; returns how to stop listening. */
  listen(onHint: () => void): () => void
}
