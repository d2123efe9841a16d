import { pluralOf } from "./plural.ts"

/** `productCategory`, `ProductCategory` and `product-category` as `product_category`. */
export function snakeCase(name: string): string {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replaceAll(/[-\s.]+/g, "_")
    .toLowerCase()
}

/** `brand` as `Brand`. */
export function capitalised(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1)
}

/** What an entity may be called in a query: its name and its plural, in the ways that names are written. */
export function keysOf(name: string): readonly string[] {
  const snake = snakeCase(name)
  return [...new Set([snake, snakeCase(pluralOf(camelCase(snake)))])]
}

function camelCase(snake: string): string {
  return snake.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}
