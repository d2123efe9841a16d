// Promise: a server that has no connection left refuses by a clear error, or is waited for; when there are
// connections again, everybody works on.
import { setTimeout as sleep } from "node:timers/promises"
import { Client } from "pg"
import { codeOf } from "../../src/core/errors.ts"
import { createCarillon } from "../../src/index.ts"
import { Cluster } from "../support/cluster.ts"
import { readBook } from "./book.ts"
import { settled } from "./observer.ts"
import { Post } from "./post.ts"
import { inOneLine, type Tally, tally } from "./tally.ts"
import { type Role, Troupe } from "./troupe.ts"

export interface ExhaustedTally extends Tally {
  readonly opening: { readonly code: string | null; readonly message: string } // what who came then was told
  readonly refusals: readonly string[]
  readonly deaths: readonly string[]
}

const CONNECTIONS = 30
const RESERVED = 3 // for superusers, which we are not here

const SUBSCRIBERS = [{ id: "stock", event: "order.placed" }]

export async function exhausted({ forMs = 2_500 } = {}): Promise<ExhaustedTally> {
  const cluster = await Cluster.start({
    settings: { max_connections: CONNECTIONS, superuser_reserved_connections: RESERVED },
  })
  await cluster.query("CREATE ROLE shop LOGIN")
  await cluster.query("CREATE DATABASE shop OWNER shop")
  const url = `postgres://shop@127.0.0.1:${cluster.port}/shop`
  const troupe = await Troupe.gather({ database: url })
  try {
    const producer = { ...actor("producer"), works: false, subscribers: [] }
    const posts = [...(await Post.fill(troupe, [actor("worker")])), ...(await Post.fill(troupe, [producer]))]
    await sleep(700)
    const hogs = await takeAll(cluster, url)
    const opening = await createCarillon({ database: url, logger: false }).then(
      () => ({ code: null, message: "it opened" }),
      (error: Error) => ({ code: codeOf(error), message: error.message }),
    )
    await sleep(forMs)
    await Promise.all(hogs.map((hog) => hog.end()))
    await sleep(1_500)
    await Promise.all(posts.map((post) => post.actor.hush()))
    await settled(troupe, 6_000)
    await Promise.all(posts.map((post) => post.stop()))
    const book = readBook(troupe.book)
    return {
      ...(await tally(
        troupe,
        SUBSCRIBERS.map((each) => each.id),
      )),
      cap: posts.length * troupe.mostRepeated,
      opening,
      refusals: [...new Set(book.filter((each) => each.verb === "refuse").map((each) => each.event))],
      deaths: posts.flatMap((post) => post.deaths),
    }
  } finally {
    await troupe.close()
    await cluster.close()
  }
}

/** Ends everybody's connections and has them all before they can come again. */
async function takeAll(cluster: Cluster, url: string): Promise<Client[]> {
  const hogs: Client[] = []
  for (let refusals = 0; refusals < 3; ) {
    await cluster.terminateBackends("application_name LIKE 'carillon%'")
    const hog = new Client({ connectionString: url, application_name: "hog" })
    hog.on("error", () => {})
    await hog.connect().then(
      () => hogs.push(hog),
      () => refusals++,
    )
  }
  return hogs
}

function actor(name: string): Role {
  return {
    name,
    works: true,
    subscribers: SUBSCRIBERS,
    emits: { names: ["order.placed"], each: 3, lanes: 2, pauseMs: 20, failEvery: 40 },
  }
}

if (import.meta.main) {
  const result = await exhausted()
  const { opening, refusals, deaths } = result
  console.log(inOneLine("exhausted", result), JSON.stringify({ opening, refusals, deaths }))
}
