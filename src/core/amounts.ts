/** `820 ms`, `12 s`, `3 min`, `2 h`, `4 d`. */
export function shortDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} d`
}

const UNITS = ["bytes", "kB", "MB", "GB", "TB"]

/** `900 bytes`, `12 kB`, `3.4 GB`; a kB is 1,000 bytes. */
export function shortBytes(bytes: number): string {
  let amount = bytes
  let unit = 0
  while (amount >= 1_000 && unit < UNITS.length - 1) {
    amount /= 1_000
    unit++
  }
  return `${unit > 0 && amount < 10 ? amount.toFixed(1) : Math.round(amount)} ${UNITS[unit]}`
}
