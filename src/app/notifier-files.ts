import { ConfigError } from "../core/errors.ts"
import type { Notifier } from "../webhooks/notifier.ts"

/**
 * The notifier that a file below `src/notifiers` exports by default.
 *
 * @throws ConfigError that names the file: a webhook subscription that counts on it would wait for ever
 */
export function readNotifier(file: string, exports: Readonly<Record<string, unknown>>): Notifier {
  const { default: notifier } = exports as { readonly default?: Partial<Notifier> }
  if (typeof notifier?.key === "string" && typeof notifier.notify === "function") return notifier as Notifier
  throw new ConfigError(
    `${file}: expected its default export to be a notifier: an object with its \`key\` and the method \`notify\`.`,
  )
}
