// Promise: loads what most processes of tests load, and ends by itself.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createCarillon } from "../../src/index.ts"
import "../../src/app/app.ts"
import "../../src/engines/postgres/engine.ts"
import "../../src/server/index.ts"
import "../../src/workflows/index.ts"
import "../chaos/book.ts"

const folder = mkdtempSync(join(tmpdir(), "carillon-warm-up-"))
const carillon = await createCarillon({ database: join(folder, "shop.db"), logger: false })
carillon.events.subscribe("order.placed", () => {}, { subscriberId: "stock" })
await carillon.start()
await carillon.emit({ name: "order.placed", data: { id: "ord_1" } })
await carillon.stop()
rmSync(folder, { recursive: true })
