declare const VALUE: unique symbol

/** Marks what stands for a value while a workflow is composed. */
export interface Placeholder<T> {
  readonly [VALUE]: T
}

/**
 * A value of a workflow while it is composed: the input, or what a step will have answered.
 *
 * It has the properties of `T`, to be handed on to other steps; it cannot be read, compared or computed
 * with before the workflow runs. That is what `transform` and `when` are for.
 */
export type WorkflowData<T = unknown> = [T] extends [null | undefined] ? Placeholder<T> : T & Placeholder<T>

/** What stands in the place of placeholders when the workflow runs, however deep they stand. */
export type Unwrapped<V> =
  V extends Placeholder<infer T>
    ? T
    : V extends Leaf
      ? V
      : V extends readonly unknown[] | object
        ? { [K in keyof V]: Unwrapped<V[K]> }
        : V

type Leaf =
  | string
  | number
  | boolean
  | bigint
  | symbol
  | null
  | undefined
  | Date
  | Uint8Array
  | ((...args: never) => unknown)
