/** What a shop answers instead: its message has places for the parameters, and leaves them open. */
export class ShopRefusal extends Error {
  readonly status: number
  readonly parameters: Parameters

  constructor(status: number, message: string, parameters: Parameters) {
    super(message)
    this.status = status
    this.parameters = parameters
  }
}

type Parameters = readonly unknown[] | Readonly<Record<string, unknown>>

/** Nobody whom we know, or somebody who may not: a shop says the same to both. */
export function unauthorized(...resources: readonly string[]): ShopRefusal {
  return new ShopRefusal(401, "The consumer isn't authorized to access %resources.", {
    resources: resources.join(", "),
  })
}

export function required(fieldName: string): ShopRefusal {
  return new ShopRefusal(400, '"%fieldName" is required. Enter and try again.', { fieldName })
}

export function wrongType(
  value: unknown,
  type: "int" | "boolean" | "string" | "array" | "datetime",
): ShopRefusal {
  const shown = typeof value === "object" ? "object" : String(value).slice(0, 100)
  return new ShopRefusal(
    400,
    'The "%value" value\'s type is invalid. The "%type" type was expected. Verify and try again.',
    { value: shown, type },
  )
}

export function noField(name: string, names: readonly string[]): ShopRefusal {
  return new ShopRefusal(400, "There is no field %1. There are: %2.", [name.slice(0, 100), names.join(", ")])
}

export function noSubscription(no: number): ShopRefusal {
  return new ShopRefusal(404, "Async event with subscription ID %1 does not exist", [no])
}

export function noLog(uuid: string): ShopRefusal {
  return new ShopRefusal(404, "Async event log with UUID %1 does not exist", [uuid.slice(0, 100)])
}

export function noRoute(): ShopRefusal {
  return new ShopRefusal(404, "Request does not match any route.", [])
}
