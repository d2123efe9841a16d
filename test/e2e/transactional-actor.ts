// Promise: a process that can be killed or frozen anywhere; what it is told to play stands in its arguments.

import pg from "pg"
import { openShop } from "./transactional-shop.ts"

const [play, url] = process.argv.slice(2) as ["commit and die" | "book" | "linger", string]

const POLICY = { transactional: true, concurrency: 8, initialBackoffDelay: 10, timeout: 3_000 }

switch (play) {
  case "commit and die":
    await commitAndDie()
    break
  case "book":
    await book(async () => {})
    break
  case "linger":
    await book(async () => {
      process.send?.("inside")
      await new Promise((resolve) => process.once("message", resolve))
    })
}

/** Is gone before the commit can be told to anybody: what follows a COMMIT here runs before its release is sent. */
async function commitAndDie(): Promise<void> {
  const carillon = await openShop(url)
  const tx = new pg.Client(url)
  await tx.connect()
  await tx.query("BEGIN")
  await carillon.emit({ name: "order.placed", id: "ord_1001" }, { tx })
  await tx.query("COMMIT")
  process.kill(process.pid, "SIGKILL")
}

/** Books every payment on one account, in the transaction of its delivery. */
async function book(meanwhile: () => Promise<void>): Promise<void> {
  const carillon = await openShop(url, { leaseMs: 1_000, pollMs: 100 })
  carillon.events.subscribe<{ cents: number }>(
    "order.paid",
    async ({ id, data }, { tx }) => {
      await tx.query("UPDATE account SET cents = cents + $1", [data.cents])
      await meanwhile()
      await tx.query("INSERT INTO payments (event, cents) VALUES ($1, $2)", [id, data.cents])
    },
    { subscriberId: "ledger", policy: POLICY },
  )
  await carillon.start()
  process.send?.("started")
  setInterval(() => {}, 1_000)
}
