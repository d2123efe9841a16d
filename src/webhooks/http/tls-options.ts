import { X509Certificate } from "node:crypto"
import { createSecureContext } from "node:tls"
import { expected, InvalidInputError } from "../../core/errors.ts"
import type { TlsCredentials } from "./connections.ts"

type Options = Readonly<Record<string, unknown>>

/** @throws InvalidInputError for options that there are not, and for PEM that cannot be read; it is never shown */
export function checkedTlsOptions(options: Options): void {
  const { ca, certificate, credentials = {}, ...rest } = options
  const { key, ...others } = credentials as Options
  const [unknown] = Object.keys({ ...rest, ...others })
  if (unknown !== undefined)
    throw new InvalidInputError(
      `Expected the options \`ca\` and \`certificate\` and the credential \`key\`, got \`${unknown}\`.`,
    )
  for (const [name, value] of Object.entries({ ca, certificate })) checkCertificates(name, value)
  if ((certificate === undefined) !== (key === undefined))
    throw new InvalidInputError("Expected `certificate` together with the credential `key`, got one of them.")
  checkPair(certificate, key)
}

function checkCertificates(name: string, pem: unknown): void {
  if (pem === undefined) return
  if (typeof pem !== "string") throw new InvalidInputError(expected(`\`${name}\` to be PEM`, pem))
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  try {
    if (blocks.length === 0) throw new Error("there is none")
    for (const block of blocks) new X509Certificate(block)
  } catch {
    // OpenSSL's reasons name no place; what is wrong is said better here.
    throw new InvalidInputError(`Expected \`${name}\` to be certificates in PEM, they cannot be read.`)
  }
}

function checkPair(certificate: unknown, key: unknown): void {
  try {
    createSecureContext({ cert: certificate as string | undefined, key: key as string | undefined })
  } catch {
    // As above; and a reason might hold a part of the key.
    throw new InvalidInputError(
      "Expected the credential `key` to be the certificate's private key in PEM without a password, it is not.",
    )
  }
}

/** Undefined where connections may be shared with everybody who has none either. */
export function tlsCredentialsOf(options: Options): TlsCredentials | undefined {
  const { ca, certificate, credentials } = options as Record<string, string | undefined>
  if (ca === undefined && certificate === undefined) return undefined
  const { key } = (credentials ?? {}) as { readonly key?: string }
  return { ca, certificate, key }
}
