import { describe, expect, it } from "vitest"
import { ASYNC_EVENT_FIELDS } from "./async-event.ts"
import { criteriaIn, queryIn } from "./criteria.ts"

const criteria = (query: string) => criteriaIn(queryIn(`/rest/V1/async_events?${query}`), ASYNC_EVENT_FIELDS)

describe("what is searched for", () => {
  it("is read with brackets plain or escaped, and indexes of any kind", () => {
    const start = "searchCriteria[filterGroups][a][filters][3]"
    const plain = `${start}[field]=event_name&${start}[value]=sales.%&${start}[conditionType]=LIKE`
    const escaped = plain.replaceAll("[", "%5B").replaceAll("]", "%5D").replace("sales.%", "sales.%25")

    expect(criteria(escaped)).toEqual({
      filter_groups: [{ filters: [{ field: "event_name", value: "sales.%", condition_type: "like" }] }],
    })
    expect(criteria(plain.replace("sales.%", "sales.%25"))).toEqual(criteria(escaped))
  })

  it("may be everything", () => {
    for (const query of ["searchCriteria=", "searchCriteria", "search_criteria=&fields=items"])
      expect(criteria(query)).toEqual({ filter_groups: [] })
  })

  it("has lists with commas, or as lists", () => {
    const start = "searchCriteria[filter_groups][0][filters][0]"
    const parts = `${start}[field]=store_id&${start}[condition_type]=in`

    expect(criteria(`${parts}&${start}[value]=1,2`)).toEqual(
      criteria(`${parts}&${start}[value][]=1&${start}[value][]=2`),
    )
  })

  it.each([
    ["nothing", "", /is required/],
    [
      "another field",
      "searchCriteria[filter_groups][0][filters][0][field]=verification_token",
      /cannot be searched/,
    ],
    ["a field of every object", "searchCriteria[sortOrders][0][field]=constructor", /cannot be searched/],
    ["no field", "searchCriteria[filter_groups][0][filters][0][value]=1", /is required/],
    [
      "another condition",
      "searchCriteria[filter_groups][0][filters][0][field]=status&searchCriteria[filter_groups][0][filters][0][condition_type]=regexp",
      /not supported/,
    ],
    ["a page that is none", "searchCriteria[currentPage]=-1", /type is invalid/],
    ["a size that is none", "searchCriteria[pageSize]=ten", /type is invalid/],
    ["a part that there is not", "searchCriteria[filterGroup][0][filters][0][field]=status", /no field %1/],
    [
      "a part of a filter that there is not",
      "searchCriteria[filter_groups][0][filters][0][field]=status&searchCriteria[filter_groups][0][filters][0][condition]=neq",
      /no field %1/,
    ],
    [
      "a part of a group that there is not",
      "searchCriteria[filter_groups][0][filter][field]=status",
      /no field %1/,
    ],
    [
      "a time that is none",
      "searchCriteria[filter_groups][0][filters][0][field]=modified&searchCriteria[filter_groups][0][filters][0][value]=yesterday&searchCriteria[filter_groups][0][filters][0][condition_type]=gt",
      /type is invalid/,
    ],
    ["text for the whole", "searchCriteria=everything", /type is invalid/],
    ["text for a group", "searchCriteria[filter_groups][0]=everything", /type is invalid/],
    [
      "a direction that is none",
      "searchCriteria[sortOrders][0][field]=status&searchCriteria[sortOrders][0][direction]=up",
      /type is invalid/,
    ],
  ])("is refused with %s", (_, query, message) => {
    expect(() => criteria(query)).toThrow(message)
  })
})
