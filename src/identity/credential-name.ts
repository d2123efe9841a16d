import { expected, InvalidInputError } from "../core/errors.ts"

const LONGEST = 100

/** What people call a token or an application. @throws InvalidInputError */
export function checkedName(name: unknown): string {
  const text = typeof name === "string" ? name.trim() : ""
  const fits = text !== "" && text.length <= LONGEST && !/\p{Cc}/u.test(text) && text.isWellFormed()
  if (fits) return text
  throw new InvalidInputError(
    expected(`a name of 1 to ${LONGEST} characters, without control characters`, name),
  )
}
