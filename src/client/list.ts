/** Part of a list. It may be short, or empty, before the end: only `cursor: null` is the end. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly cursor: string | null
}

/**
 * A list, of which nothing was asked for yet: `for await` goes through all of its items, page by page as they
 * are needed; `page()` gets one.
 */
export class List<T> implements AsyncIterable<T> {
  readonly #get: (cursor: string | undefined) => Promise<Page<T>>
  readonly #from: string | undefined

  constructor(get: (cursor: string | undefined) => Promise<Page<T>>, from: string | undefined) {
    this.#get = get
    this.#from = from
  }

  /** The first page, or the one after a cursor. */
  page(cursor: string | undefined = this.#from): Promise<Page<T>> {
    return this.#get(cursor)
  }

  async *pages(): AsyncGenerator<Page<T>, void, undefined> {
    let cursor = this.#from
    for (;;) {
      const page = await this.#get(cursor)
      yield page
      if (page.cursor === null) return
      cursor = page.cursor
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for await (const page of this.pages()) yield* page.items
  }
}
