import { postgresCatalogue } from "./catalogue/postgres.ts"
import { sqliteCatalogue } from "./catalogue/sqlite.ts"
import type { Measurement, StoreName } from "./measurement.ts"

export type Catalogue = readonly Measurement[]

export function catalogueOf(store: StoreName): Catalogue {
  return store === "postgres" ? postgresCatalogue : sqliteCatalogue
}

/** Measurements by name; a name stands for all that begin with it (`bullmq` for `bullmq-1`, `bullmq-3-bulk` …), `=bullmq-1` for itself. */
export function measurementsNamed(catalogue: Catalogue, names: readonly string[]): Measurement[] {
  for (const name of names) {
    if (!catalogue.some((one) => isNamed(one, name))) {
      const known = catalogue.map((one) => one.name).join(", ")
      throw new Error(`Expected the name of a measurement, got \`${name}\`. There are: ${known}.`)
    }
  }
  return catalogue.filter((one) => names.some((name) => isNamed(one, name)))
}

export function measurementNamed(catalogue: Catalogue, name: string): Measurement {
  const found = catalogue.find((one) => one.name === name)
  if (found === undefined) {
    const known = catalogue.map((one) => one.name).join(", ")
    throw new Error(`There is no measurement \`${name}\`. There are: ${known}.`)
  }
  return found
}

/** The same with fewer events, for quick runs and warm-ups. */
export function scaled(measurement: Measurement, scale: number): Measurement {
  return { ...measurement, events: Math.max(100, Math.round(measurement.events * scale)) }
}

function isNamed(measurement: Measurement, name: string): boolean {
  return name.startsWith("=")
    ? measurement.name === name.slice(1)
    : measurement.name === name || measurement.name.startsWith(`${name}-`)
}
