import { type CompiledQuery, sql } from "kysely"
import { expected, InvalidInputError } from "../core/errors.ts"
import type { Answer, DataStore, Work } from "./data-store.ts"
import { duplicateError } from "./duplicate.ts"
import { type CheckedConfig, checkConfig } from "./find-config.ts"
import type { Rows } from "./module-service.ts"
import { changeOf, newRow, type StoredRow } from "./new-row.ts"
import { notFound } from "./not-found.ts"
import type { Shape } from "./shape.ts"
import { every, type Truth } from "./truth.ts"
import { fromStored } from "./values.ts"
import { whereOf } from "./where.ts"

export type Row = Record<string, unknown>

export interface TableOptions {
  readonly store: DataStore
  readonly shape: Shape
  readonly now: () => number
  readonly newId: () => string
}

/** Fewer values than either store takes in one statement. */
const MOST_VALUES = 30_000

const IS_THERE: Truth = sql`${sql.ref("deleted_at")} is null`
const IS_GONE: Truth = sql`${sql.ref("deleted_at")} is not null`

/** The rows of one data model in a store; each method is one transaction. */
export class Table implements Rows {
  readonly shape: Shape
  readonly #store: DataStore
  readonly #now: () => number
  readonly #newId: () => string

  constructor({ store, shape, now, newId }: TableOptions) {
    this.#store = store
    this.shape = shape
    this.#now = now
    this.#newId = newId
  }

  async create(data: unknown): Promise<Row | Row[] | undefined> {
    const at = new Date(this.#now())
    const rows = listed(data).map((each) => newRow(this.shape, each, at, this.#newId))
    const perStatement = Math.floor(MOST_VALUES / this.shape.properties.size)
    const inserts: CompiledQuery[] = []
    for (let i = 0; i < rows.length; i += perStatement)
      inserts.push(this.#insert(rows.slice(i, i + perStatement)))
    if (inserts.length > 0)
      await this.#write(function* () {
        for (const insert of inserts) yield insert
      })
    const made = rows.map((row) => this.#toRow(row))
    return Array.isArray(data) ? made : made[0]
  }

  async update(data: unknown): Promise<Row | Row[] | undefined> {
    const at = new Date(this.#now())
    const changes = listed(data).map((each) => this.#change(each, at))
    const { name, key } = this.shape
    const rows = await this.#write(function* (): Work<readonly Row[]> {
      const found: Row[] = []
      const missing: string[] = []
      for (const { update, id } of changes) {
        const answer = yield update
        found.push(...answer.rows)
        if (id !== null && answer.count === 0) missing.push(id)
      }
      if (missing.length > 0) throw notFound(name, key, missing)
      return found
    })
    const changed = rows.map((row) => this.#toRow(row))
    return Array.isArray(data) || isSelected(data) ? changed : changed[0]
  }

  async list(filters: unknown, given: unknown): Promise<Row[]> {
    const config = checkConfig(this.shape, given)
    return this.#find(config, this.#where(filters, config.withDeleted))
  }

  async listAndCount(filters: unknown, given: unknown): Promise<[Row[], number]> {
    const config = checkConfig(this.shape, given)
    const where = this.#where(filters, config.withDeleted)
    const rows = await this.#find(config, where)
    if (config.take === null && config.skip === 0) return [rows, rows.length]
    return [rows, await this.#count(where)]
  }

  async retrieve(id: unknown, given: unknown): Promise<Row> {
    const config = checkConfig(this.shape, given)
    const { name, key } = this.shape
    if (typeof id !== "string" || id === "")
      throw new InvalidInputError(expected(`\`${key}\` of the \`${name}\` to be retrieved to be a text`, id))
    const [row] = await this.#find(config, this.#where({ [key]: id }, config.withDeleted))
    if (row === undefined) throw notFound(name, key, [id])
    return row
  }

  async delete(selection: unknown): Promise<void> {
    await this.#each(selection, (where) =>
      this.#store.builder.deleteFrom(this.shape.table).where(where).compile(),
    )
  }

  async softDelete(selection: unknown): Promise<void> {
    const deleted_at = new Date(this.#now()).toISOString()
    await this.#each(selection, (where) => this.#set({ deleted_at }, every([where, IS_THERE])))
  }

  async restore(selection: unknown): Promise<void> {
    await this.#each(selection, (where) => this.#set({ deleted_at: null }, every([where, IS_GONE])))
  }

  async #each(selection: unknown, toQuery: (where: Truth) => CompiledQuery): Promise<void> {
    const where = this.#selected(selection)
    if (where === null) return
    await this.#write(function* () {
      yield toQuery(where)
    })
  }

  /** Ids, or values that rows have; `null` = an empty list, which means none. */
  #selected(selection: unknown): Truth | null {
    const { name, key } = this.shape
    const all = listed(selection)
    const ids = all.filter((each) => typeof each === "string")
    const filters = all.filter((each) => typeof each !== "string")
    for (const each of filters)
      if (typeof each !== "object" || each === null || Object.keys(each).length === 0)
        throw new InvalidInputError(
          expected(`ids of \`${name}\`, or an object with values that its rows have`, each),
        )
    if (all.length === 0) return null
    return this.#where({ $or: ids.length === 0 ? filters : [{ [key]: ids }, ...filters] }, true)
  }

  #where(filters: unknown, withDeleted: boolean): Truth {
    const where = whereOf(this.shape, this.#store.dialect, filters ?? {})
    return withDeleted ? where : every([where, IS_THERE])
  }

  #insert(rows: readonly StoredRow[]): CompiledQuery {
    return this.#store.builder.insertInto(this.shape.table).values(rows).compile()
  }

  #change(given: unknown, at: Date): { readonly update: CompiledQuery; readonly id: string | null } {
    const { name, key } = this.shape
    if (isSelected(given)) {
      const where = this.#where(given.selector, false)
      return { update: this.#set(changeOf(this.shape, given.data, at), where), id: null }
    }
    const { [key]: id, ...data } = (given ?? {}) as Readonly<Record<string, unknown>>
    if (typeof id !== "string" || id === "")
      throw new InvalidInputError(expected(`\`${key}\` of the \`${name}\` to be updated to be a text`, id))
    return { update: this.#set(changeOf(this.shape, data, at), this.#where({ [key]: id }, false)), id }
  }

  #set(change: StoredRow, where: Truth): CompiledQuery {
    return this.#store.builder
      .updateTable(this.shape.table)
      .set(change)
      .where(where)
      .returning([...this.shape.properties.keys()])
      .compile()
  }

  async #find({ select, skip, take, order }: CheckedConfig, where: Truth): Promise<Row[]> {
    let query = this.#store.builder
      .selectFrom(this.shape.table)
      .select([...select])
      .where(where)
    for (const [name, isDown] of order)
      query = query.orderBy(
        isDown ? sql`${sql.ref(name)} desc nulls first` : sql`${sql.ref(name)} asc nulls last`,
      )
    if (take !== null) query = query.limit(take)
    else if (skip > 0 && this.#store.dialect === "sqlite") query = query.limit(-1) // it has no offset without
    const { rows } = await this.#ask((skip > 0 ? query.offset(skip) : query).compile())
    return rows.map((row) => this.#toRow(row))
  }

  async #count(where: Truth): Promise<number> {
    const query = this.#store.builder
      .selectFrom(this.shape.table)
      .select(sql<number>`count(*)`.as("count"))
      .where(where)
    const { rows } = await this.#ask(query.compile())
    return Number(rows[0]?.count)
  }

  #ask(query: CompiledQuery): Promise<Answer> {
    return this.#store.read(function* (): Work<Answer> {
      return yield query
    })
  }

  async #write<T>(work: () => Work<T>): Promise<T> {
    try {
      return await this.#store.write(work)
    } catch (error) {
      throw duplicateError(this.shape, error) ?? error
    }
  }

  /** In the order of the model's properties, whatever the store's. */
  #toRow(kept: Readonly<Record<string, unknown>>): Row {
    const row: Row = {}
    for (const [name, traits] of this.shape.properties)
      if (Object.hasOwn(kept, name)) row[name] = fromStored(traits, kept[name])
    return row
  }
}

function isSelected(given: unknown): given is { readonly selector: unknown; readonly data: unknown } {
  return typeof given === "object" && given !== null && "selector" in given
}

function listed(given: unknown): readonly unknown[] {
  return Array.isArray(given) ? given : [given]
}
