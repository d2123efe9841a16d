import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js"

/** As much of JSON Schema as the document is written in. */
export interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
  readonly items?: Schema
  readonly minItems?: number
  readonly maxItems?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly pattern?: string
  readonly format?: string
  readonly examples?: readonly unknown[]
}

export interface Parameter {
  readonly name: string
  readonly in: "path" | "query" | "header"
  readonly required?: boolean
  readonly schema: Schema
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>

export interface Operation {
  readonly operationId: string
  readonly method: string // "GET"
  readonly path: string
  readonly isOpen: boolean
  readonly parameters: readonly Parameter[]
  readonly body: Content // {} = it takes none
  readonly isBodyRequired: boolean
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>
}

interface Described {
  readonly operationId: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly required?: boolean; readonly content: Content }
  readonly responses: Operation["responses"]
  readonly security?: readonly unknown[]
}

/** The OpenAPI document, and nothing else of ours, as somebody outside has it. */
export class ApiDocument {
  readonly operations: readonly Operation[]
  readonly #schemas: Readonly<Record<string, Schema>>
  readonly #checks = new Map<Schema, ValidateFunction>()
  readonly #ajv = new Ajv2020({ strict: false, formats: FORMATS })
  readonly #exact = new Ajv2020({ strict: false, formats: FORMATS })

  constructor(json: Record<string, unknown>) {
    this.#ajv.addSchema(json, "api")
    this.#exact.addSchema(exact(json) as object, "api")
    this.#schemas = (json.components as { schemas: Record<string, Schema> }).schemas
    const paths = json.paths as Record<string, Record<string, Described>>
    this.operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, each]) => operationOf(method.toUpperCase(), path, each)),
    )
  }

  static async at(url: string): Promise<ApiDocument> {
    return new ApiDocument((await (await fetch(`${url}/api/openapi.json`)).json()) as Record<string, unknown>)
  }

  resolved(schema: Schema): Schema {
    if (schema.$ref === undefined) return schema
    const named = this.#schemas[schema.$ref.slice("#/components/schemas/".length)]
    if (named === undefined) throw new Error(`The document has no ${schema.$ref}.`)
    return named
  }

  /** Whether a request may bring this value. */
  takes(schema: Schema, value: unknown): boolean {
    return this.#check(this.#ajv, schema)(value) as boolean
  }

  /** What is wrong with an answer: it may say nothing that its schema does not. null = nothing */
  wrongIn(schema: Schema, value: unknown): string | null {
    const check = this.#check(this.#exact, exact(schema) as Schema, schema)
    return check(value) ? null : this.#exact.errorsText(check.errors)
  }

  /** What the path of a request leads to; undefined = nothing. */
  at(method: string, path: string): Operation | undefined {
    return this.operations.find((each) => each.method === method && patternOf(each.path).test(path))
  }

  #check(ajv: Ajv2020, schema: Schema, key = schema): ValidateFunction {
    let check = this.#checks.get(key)
    if (check === undefined) {
      const whole = JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"api#/components'))
      check = ajv.compile(whole)
      this.#checks.set(key, check)
    }
    return check
  }
}

function operationOf(method: string, path: string, each: Described): Operation {
  const { operationId, parameters = [], requestBody, responses, security } = each
  return {
    operationId,
    method,
    path,
    isOpen: security?.length === 0,
    parameters,
    body: requestBody?.content ?? {},
    isBodyRequired: requestBody?.required === true,
    responses,
  }
}

const FORMATS = {
  "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/,
  date: /^\d{4}-\d\d-\d\d$/,
  base64: /^(?:[\w+/]{4})*(?:[\w+/]{2}==|[\w+/]{3}=)?$/,
}

/** Objects that list their properties have no others. */
function exact(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(exact)
  if (typeof node !== "object" || node === null) return node
  const copy = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, exact(value)]))
  const { type, properties } = copy
  return type === "object" && typeof properties === "object" ? { additionalProperties: false, ...copy } : copy
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}/?$`)
}
