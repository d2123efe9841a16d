/** No list reads further than this in one call: what holds the store up holds the road up. */
export const ROWS_PER_LOOK = 5_000

/** Before every row number: what a list without a cursor begins at. */
export const LAST_NUMBER = Number.MAX_SAFE_INTEGER
