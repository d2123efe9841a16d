import type { Findings } from "./findings.ts"
import { asIs, asPercent, asTimes, atLeast, atMost, type Target } from "./target.ts"

export function postgresTargets(found: Findings): Target[] {
  return [
    ...againstPeers(found),
    ...workflowsAgainstPeers(found),
    ...acrossProcesses(found),
    ...underBurdens(found),
    ...atRest(found),
  ]
}

function againstPeers(found: Findings): Target[] {
  const batch = ["direct-1", "direct-3", "fleet-2"].map((name) =>
    atLeast(`${name} against the best peer fed in batches`, "3 times", found.timesRivals(name), 3, asTimes),
  )
  const single = ["direct-1-p100", "direct-3-p100", "fleet-2-p100"].map((name) =>
    atLeast(`${name} against the best peer, single emits`, "20 times", found.timesRivals(name), 20, asTimes),
  )
  return [...batch, ...single]
}

/** The same work fifty at once; Restate may have two hundred, where it is faster. */
function workflowsAgainstPeers(found: Findings): Target[] {
  const peers = [
    ["DBOS", ["workflow-dbos"], 10],
    ["Restate's better way", ["workflow-restate", "workflow-restate-p200"], 5],
    ["Medusa's Redis engine", ["workflow-medusa-redis"], 10],
  ] as const
  return peers.map(([peer, names, least]) =>
    atLeast(
      `workflow: three steps, against ${peer}`,
      `${least} times`,
      found.rate("workflow", names),
      least,
      asTimes,
    ),
  )
}

function acrossProcesses(found: Findings): Target[] {
  return [
    atMost(
      "latency-across: p50 at 100/s",
      "5 raw commits",
      found.latency("latency-across", "p50"),
      5,
      asTimes,
    ),
  ]
}

/** Each against the same work without the burden. */
function underBurdens(found: Findings): Target[] {
  const filled = ["open", "history"].flatMap((burden) =>
    ["direct-1", "queued-1", "ordered-1", "fleet-2"].map((name) => [`${burden}-${name}`, name] as const),
  )
  const pinned = ["direct", "queued", "queued-3", "ordered", "transactional"].map(
    (road) => [`pinned-${road}`, `long-${road}`] as const,
  )
  return [...filled, ...pinned].map(([name, without]) =>
    atLeast(name, `90 % of ${without}`, found.rate(name, without), 0.9, asPercent),
  )
}

function atRest(found: Findings): Target[] {
  const idle = found.of("idle")?.idle
  return [
    atMost("idle: queries a second", "1", idle?.queriesPerSecond?.median ?? null, 1, asIs),
    atMost("idle: of a core", "1 %", idle?.busy?.median ?? null, 0.01, asPercent),
  ]
}
