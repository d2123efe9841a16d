import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { CarillonError } from "../../../core/errors.ts"
import { readAsyncEvents, type XmlFile } from "./async-events.ts"

describe("async_events.xml", () => {
  it("tells names, classes, methods and resources", () => {
    const file = xml(
      `<async_event name="sales.order.created">
         <service class="\\Magento\\Sales\\Api\\OrderRepositoryInterface" method="get"/>
         <resources>
           <resource>Magento_Sales::actions_view</resource>
           <resource> Magento_Sales::sales </resource>
         </resources>
       </async_event>
       <!-- a shipment is looked up elsewhere -->
       <async_event name='sales.shipment_saved-v2'><service class="Shipments" method="byId"></service></async_event>`,
    )

    expect(readAsyncEvents([file])).toEqual([
      {
        name: "sales.order.created",
        class: "Magento\\Sales\\Api\\OrderRepositoryInterface",
        method: "get",
        resources: ["Magento_Sales::actions_view", "Magento_Sales::sales"],
        place: "async_events.xml:3",
      },
      {
        name: "sales.shipment_saved-v2",
        class: "Shipments",
        method: "byId",
        resources: [],
        place: "async_events.xml:11",
      },
    ])
  })

  it("puts the files of several modules together, and the resources of one event", () => {
    const sales = xml(event("order.created", "Orders", "A::view"), "sales.xml")
    const stock = xml(
      event("stock.moved", "Stock") + event("order.created", "Orders", "B::view"),
      "stock.xml",
    )

    const events = readAsyncEvents([sales, stock])

    expect(events.map(({ name, resources }) => [name, resources])).toEqual([
      ["order.created", ["A::view", "B::view"]],
      ["stock.moved", []],
    ])
  })

  it("names events in small letters, as the shop reads them and receivers know them", () => {
    const events = readAsyncEvents([
      xml(event("Order.Created", "Orders"), "a.xml"),
      xml(event("order.created", "Orders"), "b.xml"),
    ])

    expect(events.map(({ name }) => name)).toEqual(["order.created"])
  })

  it.each([
    ["an event twice", event("order.created") + event("order.created"), /:3: .*stands at async_events.xml:3/],
    [
      "two that differ by their case",
      event("order.created") + event("Order.Created"),
      /expected each event once/,
    ],
    ["an event without a name", '<async_event><service class="A" method="b"/></async_event>', /:3: .*`name`/],
    ["a name with a blank", event("order created"), /letters, digits/],
    ["no service", '<async_event name="a"/>', /one `service` of `a`, got none/],
    [
      "two services",
      '<async_event name="a"><service class="A" method="b"/><service class="A" method="b"/></async_event>',
      /got several/,
    ],
    [
      "a class that is none",
      '<async_event name="a"><service class="A-B" method="b"/></async_event>',
      /PHP class/,
    ],
    [
      "a service without a method",
      '<async_event name="a"><service class="A"/></async_event>',
      /`method`.*got none/,
    ],
    ["elements of another kind", '\n<webhook name="a"/>', /:4: expected `async_event`, got `webhook`/],
    [
      "other things of an event",
      '<async_event name="a" fields="id"><service class="A" method="b"/></async_event>',
      /`fields`/,
    ],
    ["an empty resource", event("a", "A", " "), /the name of a resource/],
    ["an end that fits no beginning", "<async_event name='a'>", /async_events.xml:\d+: .*async_event/],
    ["an attribute twice", "<async_event name='a' name='b'/>", /:3: .*repeated/],
  ])("refuses %s", (_, body, words) => {
    expect(() => readAsyncEvents([xml(body)])).toThrow(words)
  })

  it("refuses two files that disagree, and names both", () => {
    const files = [
      xml(event("order.created", "Orders"), "a.xml"),
      xml(event("order.created", "Other"), "b.xml"),
    ]

    expect(() => readAsyncEvents(files)).toThrow(/^b\.xml:3: .*as at a\.xml:3.*Orders::get.*Other::get/)
  })

  it("opens nothing that lies elsewhere, and no entity that grows", () => {
    const outside = '<!DOCTYPE config [<!ENTITY x SYSTEM "file:///etc/passwd">]><config>&x;</config>'
    const laughs = '<!DOCTYPE config [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><config>&b;</config>'

    for (const text of [outside, laughs, "\n<!doctype config><config/>"])
      expect(() => readAsyncEvents([{ name: "evil.xml", bytes: Buffer.from(text) }])).toThrow(
        /no document type/,
      )
  })

  it.each([
    ["nothing", ""],
    ["no XML", "sales.order.created"],
    ["another root", "<events/>"],
    ["two roots", "<config/><config/>"],
    ["a tower of elements", `<config>${"<a>".repeat(10_000)}${"</a>".repeat(10_000)}</config>`],
    ["bytes that are no text", Buffer.from([0x3c, 0xff, 0xfe])],
    ["more than a file of settings holds", `<config>${" ".repeat(1_048_576)}</config>`],
  ])("refuses %s", (_, content) => {
    expect(() => readAsyncEvents([{ name: "a.xml", bytes: Buffer.from(content) }])).toThrow(CarillonError)
  })

  it("tells of whatever is wrong with an error of ours", () => {
    const pieces = fc.array(
      fc.constantFrom(
        "<config>",
        "</config>",
        '<async_event name="a">',
        "</async_event>",
        "<service ",
        'class="A" ',
        'method="b"/>',
        "<!--",
        "-->",
        "&amp;",
        "&x;",
        "<![CDATA[",
        "]]>",
        "\n",
        "\0",
        "é",
      ),
      { maxLength: 12 },
    )

    fc.assert(
      fc.property(pieces, (each) => {
        try {
          readAsyncEvents([{ name: "a.xml", bytes: Buffer.from(each.join("")) }])
        } catch (error) {
          expect(error).toBeInstanceOf(CarillonError)
        }
      }),
    )
  })
})

function event(name: string, service = "Orders", resource?: string): string {
  const resources = resource === undefined ? "" : `<resources><resource>${resource}</resource></resources>`
  return `<async_event name="${name}"><service class="${service}" method="get"/>${resources}</async_event>`
}

function xml(body: string, name = "async_events.xml"): XmlFile {
  const text = `<?xml version="1.0"?>\n<config xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n${body}\n</config>`
  return { name, bytes: Buffer.from(text) }
}
