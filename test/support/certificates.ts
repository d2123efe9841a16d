import { generateKeyPairSync, type KeyObject, sign, X509Certificate } from "node:crypto"

/** A certificate and its key, made at once: tests need some that nobody would give out. */
export interface MadeCertificate {
  readonly certificate: string // PEM
  readonly key: string // PEM
  readonly name: string
  readonly privateKey: KeyObject
}

export interface CertificateWish {
  readonly name: string // its common name, and the name or address that it is for
  readonly issuer?: MadeCertificate // by default it signs itself
  readonly from?: Date
  readonly until?: Date
  readonly isAuthority?: boolean
}

const DAY_MS = 24 * 60 * 60 * 1000

export function makeCertificate(wish: CertificateWish): MadeCertificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  const issuer = wish.issuer ?? { name: wish.name, privateKey }
  const from = wish.from ?? new Date(Date.now() - DAY_MS)
  const until = wish.until ?? new Date(Date.now() + DAY_MS)
  const body = sequence(
    tagged(0xa0, integer(2)),
    integer(Date.now() + Math.floor(Math.random() * 1000)),
    ECDSA_WITH_SHA256,
    nameOf(issuer.name),
    sequence(time(from), time(until)),
    nameOf(wish.name),
    publicKey.export({ type: "spki", format: "der" }),
    tagged(0xa3, sequence(...extensions(wish))),
  )
  const signature = sign("sha256", body, issuer.privateKey)
  const der = sequence(body, ECDSA_WITH_SHA256, tagged(0x03, Buffer.from([0]), signature))
  return {
    certificate: new X509Certificate(der).toString(),
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    name: wish.name,
    privateKey,
  }
}

function extensions({ name, isAuthority = false }: CertificateWish): Buffer[] {
  const alternative = tagged(0x82, Buffer.from(name)) // a DNS name
  const constraints = isAuthority ? sequence(tagged(0x01, Buffer.from([0xff]))) : sequence()
  return [
    sequence(oid("2.5.29.19"), tagged(0x01, Buffer.from([0xff])), tagged(0x04, constraints)),
    sequence(oid("2.5.29.17"), tagged(0x04, sequence(alternative))),
  ]
}

// ASN.1 in DER, as far as a certificate needs it.

function tagged(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content])
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length])
  return length < 0x100 ? Buffer.from([0x81, length]) : Buffer.from([0x82, length >> 8, length & 0xff])
}

function sequence(...parts: Buffer[]): Buffer {
  return tagged(0x30, ...parts)
}

function integer(value: number): Buffer {
  const hex = value.toString(16)
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex")
  return tagged(0x02, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes)
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number)
  return tagged(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

function base128(value: number): number[] {
  const digits = [value & 0x7f]
  for (let left = value >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80)
  return digits
}

function nameOf(name: string): Buffer {
  return sequence(tagged(0x31, sequence(oid("2.5.4.3"), tagged(0x0c, Buffer.from(name)))))
}

/** UTCTime, whose years end in 2049. */
function time(at: Date): Buffer {
  return tagged(0x17, Buffer.from(`${at.toISOString().replace(/[-:T]/g, "").slice(2, 14)}Z`))
}

const ECDSA_WITH_SHA256 = sequence(oid("1.2.840.10045.4.3.2"))
