import { UnsupportedError } from "../../core/errors.ts"

/** A package that is asked for only where it is needed, and by a clear error where it is missing. */
export function optionalPackage<T>(load: () => Promise<T>, name: string, purpose: string): () => Promise<T> {
  let loading: Promise<T> | null = null
  return () => {
    loading ??= load().catch((cause) => {
      loading = null
      throw new UnsupportedError(
        `Expected the package \`${name}\` for ${purpose}, but it is not installed. Install it: npm install ${name}`,
        { cause },
      )
    })
    return loading
  }
}
