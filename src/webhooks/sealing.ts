import type { KeyRing } from "../identity/key-ring.ts"
import type { EndpointSecret } from "./notifier.ts"
import { openSealed, sealedIn, type WebhookRecord } from "./record.ts"
import { secretsFor } from "./rotation.ts"
import type { Texts } from "./terms.ts"

/** What of a webhook subscription is kept sealed, open. */
export interface OpenFields {
  readonly secrets: readonly EndpointSecret[] // the newest first
  readonly headers: Texts
  readonly credentials: Texts
}

type SealedFields = Pick<
  WebhookRecord,
  "secrets" | "headers" | "credentials" | "headerNames" | "credentialNames" | "oldSecretsUntil"
>

export function sealedFields(
  ring: KeyRing,
  { id, form }: Pick<WebhookRecord, "id" | "form">,
  open: OpenFields,
): SealedFields {
  const seal = (field: "secrets" | "headers" | "credentials"): string =>
    ring.seal(sealedIn(id, field), JSON.stringify(open[field]))
  const [headerNames, credentialNames] = [Object.keys(open.headers), Object.keys(open.credentials)]
  return {
    secrets: seal("secrets"),
    headers: headerNames.length === 0 ? null : seal("headers"),
    credentials: credentialNames.length === 0 ? null : seal("credentials"),
    headerNames,
    credentialNames,
    oldSecretsUntil: secretsFor(form, open.secrets).flatMap(({ expiresAt }) =>
      expiresAt === null ? [] : [expiresAt],
    ),
  }
}

/** @throws UnknownKeyError, SealError */
export function openFields(ring: KeyRing, record: WebhookRecord): OpenFields {
  return {
    secrets: openSealed(ring, record, "secrets") as readonly EndpointSecret[],
    headers: (openSealed(ring, record, "headers") ?? {}) as Texts,
    credentials: (openSealed(ring, record, "credentials") ?? {}) as Texts,
  }
}
