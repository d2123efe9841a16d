export { places } from "../sql/places.ts"
export { EVENT_COLUMNS, toEvent, toHistory } from "../sql/rows.ts"
