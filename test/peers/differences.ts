export type Difference = {}
