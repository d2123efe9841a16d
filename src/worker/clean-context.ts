import { AsyncLocalStorage } from "node:async_hooks"

/**
 * Runs something in a context of its own, not that of whichever emit or request happened to set it off: else its
 * causes and its trace would be theirs, as long as one timer leads to the next. And a context that is made from
 * nothing costs a third of one that is copied and put back.
 */
export const inCleanContext = AsyncLocalStorage.snapshot()
