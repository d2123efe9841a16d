/**
 * What tells whether a text is an address of this network, or `null` when
 * `network` is none: `10.0.0.0/8`, `2001:db8::/32`, or an address alone.
 *
 * An IPv4 network also holds its addresses written the IPv6 way (`::ffff:10.0.0.1`).
 */
export function compileCidr(network: string): ((address: string) => boolean) | null {
  const [base = "", length, ...rest] = network.split("/")
  const bytes = parseAddress(base)
  if (bytes === null || rest.length > 0) return null
  const bits = length === undefined ? bytes.length * 8 : parseLength(length, bytes.length * 8)
  if (bits === null) return null

  return (address) => {
    const parsed = parseAddress(address)
    if (parsed === null) return false
    const candidate = bytes.length === 4 ? unmapped(parsed) : parsed
    return candidate.length === bytes.length && sameStart(candidate, bytes, bits)
  }
}

function sameStart(a: readonly number[], b: readonly number[], bits: number): boolean {
  for (let i = 0; i * 8 < bits; i++) {
    const shift = Math.max(0, 8 - (bits - i * 8))
    if ((a[i] ?? 0) >> shift !== (b[i] ?? 0) >> shift) return false
  }
  return true
}

function unmapped(bytes: readonly number[]): readonly number[] {
  const isMapped = bytes.length === 16 && bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255
  return isMapped && bytes[11] === 255 ? bytes.slice(12) : bytes
}

function parseLength(text: string, most: number): number | null {
  return /^(0|[1-9]\d{0,2})$/.test(text) && Number(text) <= most ? Number(text) : null
}

const longestAddress = 45

function parseAddress(text: string): readonly number[] | null {
  if (text.length > longestAddress) return null
  return text.includes(":") ? parseV6(text) : parseV4(text)
}

// A leading zero is refused: some read it as octal, so it could name two addresses.
function parseV4(text: string): number[] | null {
  const parts = text.split(".")
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) return null
  const bytes = parts.map(Number)
  return bytes.every((byte) => byte <= 255) ? bytes : null
}

function parseV6(text: string): number[] | null {
  const halves = text.split("::")
  if (halves.length > 2) return null
  const [head, tail] = halves.map((half, i) => parseGroups(half, i === halves.length - 1))
  if (!head || tail === null) return null
  if (tail === undefined) return head.length === 16 ? head : null
  const missing = 16 - head.length - tail.length
  return missing < 2 ? null : [...head, ...Array<number>(missing).fill(0), ...tail]
}

/** The bytes of groups between colons; only the last of all may be an IPv4 address. */
function parseGroups(text: string, isLast: boolean): number[] | null {
  if (text === "") return []
  const bytes: number[] = []
  const groups = text.split(":")
  for (const [i, group] of groups.entries()) {
    const embedded = isLast && i === groups.length - 1 && group.includes(".")
    const parsed = embedded ? parseV4(group) : parseGroup(group)
    if (parsed === null) return null
    bytes.push(...parsed)
  }
  return bytes
}

function parseGroup(group: string): number[] | null {
  if (!/^[0-9a-f]{1,4}$/i.test(group)) return null
  const value = Number.parseInt(group, 16)
  return [value >> 8, value & 255]
}
