import { expect, it } from "vitest"
import { metricsIn, metricsInVariable } from "./promql.ts"

it.each([
  ["carillon_up", ["carillon_up"]],
  ['max(carillon_up{group=~"a{1}|b"} > 0) or absent(up_now)', ["carillon_up", "up_now"]],
  [
    "histogram_quantile(0.95, sum by (le, workflow) (rate(step_seconds_bucket[$__rate_interval])))",
    ["step_seconds_bucket"],
  ],
  [
    "sum(rate(a_sum[5m])) / on (group) group_left (name) sum(rate(a_count[5m] offset 1h))",
    ["a_sum", "a_count"],
  ],
])("finds the metrics of %s", (query, metrics) => {
  expect(metricsIn(query)).toEqual(metrics)
})

it("refuses what cannot be a query", () => {
  expect(() => metricsIn("sum(carillon_up")).toThrow("a query of PromQL")
})

it("finds the metric of a variable", () => {
  expect(metricsInVariable('label_values(carillon_workers{group=~"$group"}, group)')).toEqual([
    "carillon_workers",
  ])
})
