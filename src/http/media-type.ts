/** `application/json` of `Application/JSON; charset=utf-8`; "" = there is none. */
export function mediaType(contentType: string | null): string {
  if (contentType === "application/json") return contentType // as most say it
  return contentType?.split(";", 1)[0]?.trim().toLowerCase() ?? ""
}

export function isJson(type: string): boolean {
  return type === "application/json" || (type.startsWith("application/") && type.endsWith("+json"))
}

/** Whether `Accept` asks for this type by its name, and not less than for JSON. */
export function asksFor(accept: string | null, type: string): boolean {
  if (accept === null) return false
  const weight = weightOf(accept, type)
  return weight > 0 && weight >= weightOf(accept, "application/json")
}

function weightOf(accept: string, type: string): number {
  for (const each of accept.split(",")) {
    if (mediaType(each) !== type) continue
    const quality = /;\s*q=([\d.]+)/i.exec(each)?.[1]
    return quality === undefined ? 1 : Number(quality)
  }
  return 0
}
