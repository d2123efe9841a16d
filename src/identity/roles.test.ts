import { describe, expect, it } from "vitest"
import { identityInMemory } from "../../test/support/identity.ts"
import { type Access, hasResource, isAllowed, OWN_PROCESS } from "./access.ts"
import { builtInRoles } from "./built-in-roles.ts"
import { PERMISSION_NAMES } from "./permissions.ts"

const support = { name: "support", permissions: ["VIEW_EVENTS", "VIEW_DELIVERIES"] } as const

function someone(over: Partial<Access> = {}): Access {
  return {
    actor: { kind: "user", id: "user_1", name: "ada@shop.example" },
    permissions: new Set(["VIEW_EVENTS", "UPDATE_USERS"]),
    scopes: "all",
    ...over,
  }
}

describe("roles that come with Carillon", () => {
  it("reach from everything to emitting alone", async () => {
    const { roles } = identityInMemory().identity
    const power = async (name: string) => ({ ...(await roles.allowedBy([name])), scopes: "all" as const })

    const admin = await power("admin")
    expect(PERMISSION_NAMES.every((each) => isAllowed(admin, each))).toBe(true)
    expect(await roles.allowedBy(["emitter"])).toEqual({ permissions: new Set(["CREATE_EVENTS"]) })
    const mayNot = [
      "CREATE_USERS",
      "UPDATE_USERS",
      "DELETE_USERS",
      "CREATE_TOKENS",
      "DELETE_TOKENS",
      "ERASE_DATA",
    ] as const
    for (const name of ["operator", "developer", "viewer", "emitter"])
      for (const each of mayNot)
        expect([name, each, isAllowed(await power(name), each)]).toEqual([name, each, false])
    for (const each of (await power("viewer")).permissions) expect(each).toMatch(/^VIEW_/)
  })

  it("cannot be changed, removed or taken the name of", async () => {
    const { roles } = identityInMemory().identity

    for (const name of builtInRoles.keys()) {
      await expect(roles.create({ ...support, name })).rejects.toMatchObject({
        code: "CARILLON_INVALID_INPUT",
      })
      await expect(roles.update({ ...support, name })).rejects.toMatchObject({
        code: "CARILLON_INVALID_INPUT",
      })
      await expect(roles.remove(name)).rejects.toMatchObject({ code: "CARILLON_INVALID_INPUT" })
    }
  })
})

describe("roles of one's own", () => {
  it("allow together what each allows", async () => {
    const { roles } = identityInMemory().identity
    await roles.create(support)
    await roles.create({ name: "till", permissions: ["CREATE_EVENTS"] })

    expect(await roles.allowedBy(["support", "till"])).toEqual({
      permissions: new Set(["VIEW_EVENTS", "VIEW_DELIVERIES", "CREATE_EVENTS"]),
    })
    expect(await roles.allowedBy(["support", "admin"])).toEqual({ permissions: "all" })
    expect(await roles.allowedBy(["gone"])).toEqual({ permissions: new Set() })
  })

  it("may have resources beside permissions, or nothing else", async () => {
    const { roles } = identityInMemory().identity
    const resources = ["Magento_Sales::actions_view", "Magento_Customer::manage"]
    await roles.create({ ...support, resources: resources.slice(0, 1) })
    await roles.create({ name: "crm", permissions: [], resources: resources.slice(1) })

    const both = await roles.allowedBy(["support", "crm"])

    expect(both.resources).toEqual(new Set(resources))
    expect(hasResource(both, "Magento_Sales::actions_view")).toBe(true)
    expect(hasResource(both, "Magento_Cms::page")).toBe(false)
    expect(hasResource(await roles.allowedBy(["admin"]), "Magento_Cms::page")).toBe(true)
    expect(hasResource(await roles.allowedBy(["operator"]), "Magento_Cms::page")).toBe(false)
    await expect(roles.create({ name: "none", permissions: [] })).rejects.toThrow("at least one")
    await expect(roles.create({ ...support, name: "odd", resources: [""] })).rejects.toThrow("resources")
  })

  it("take no resource in that whoever makes them does not have", async () => {
    const { roles } = identityInMemory().identity
    const crm = { name: "crm", permissions: [], resources: ["Magento_Customer::manage"] }

    await expect(roles.create(crm, someone())).rejects.toMatchObject({ code: "CARILLON_FORBIDDEN" })
    await roles.create(crm, someone({ resources: new Set(crm.resources) }))
  })

  it("are refused with a permission that is none, and the nearest is named", async () => {
    const { roles } = identityInMemory().identity
    const wrong = { name: "support", permissions: ["VIEW_EVENT" as "VIEW_EVENTS"] }

    await expect(roles.create(wrong)).rejects.toThrow("Did you mean `VIEW_EVENTS`?")
    await expect(roles.check(["admn"])).rejects.toThrow("Did you mean `admin`?")
    await expect(roles.create({ ...support, name: "Support Team" })).rejects.toThrow("small letters")
  })

  it("are not told by name to whoever may not look at roles", async () => {
    const { roles, tokens } = identityInMemory().identity
    await roles.create(support)
    const bound = { ...OWN_PROCESS, scopes: ["acme/master"] }

    for (const name of ["suport", "nobody"])
      await expect(tokens.create({ name: "till", roles: [name] }, bound)).rejects.toThrow(
        expect.objectContaining({ message: expect.not.stringContaining("support") }),
      )
    await expect(tokens.create({ name: "till", roles: ["suport"] })).rejects.toThrow("`support`")
  })

  it("work from the next request on for whoever has them", async () => {
    const { roles, tokens, authenticate } = bound()
    await roles.create(support)
    const { token } = await tokens.create({ name: "crm", roles: ["support"] })
    const before = await authenticate(token)

    await roles.update({ name: "support", permissions: ["VIEW_RUNS"] })

    expect(before?.permissions).toEqual(new Set(["VIEW_EVENTS", "VIEW_DELIVERIES"]))
    expect((await authenticate(token))?.permissions).toEqual(new Set(["VIEW_RUNS"]))
  })

  it("stay while somebody has them", async () => {
    const { roles, tokens, users } = bound()
    await roles.create(support)
    const { id } = await tokens.create({ name: "crm", roles: ["support"] })
    await users.create({ email: "ada@shop.example", password: "correct horse", roles: ["support"] })

    await expect(roles.remove("support")).rejects.toThrow("held by 1 user and 1 token")

    await tokens.revoke(id)
    await users.update({ user: "ada@shop.example", roles: ["viewer"] })
    expect(await roles.remove("support")).toMatchObject({ name: "support" })
    await expect(roles.remove("support")).rejects.toMatchObject({ code: "CARILLON_NOT_FOUND" })
  })

  it("belong to the installation, and get nothing that their maker does not have", async () => {
    const { roles } = bound()
    await roles.create({ name: "all-events", permissions: ["VIEW_EVENTS", "CREATE_EVENTS"] })

    await expect(roles.create(support, someone())).rejects.toMatchObject({ code: "CARILLON_FORBIDDEN" })
    const narrow = someone({ permissions: "all", scopes: ["acme/master"] })
    await expect(roles.create(support, narrow)).rejects.toMatchObject({ code: "CARILLON_FORBIDDEN" })
    const less = { name: "all-events", permissions: ["VIEW_EVENTS"] as const }
    await expect(roles.update(less, someone())).rejects.toMatchObject({ code: "CARILLON_FORBIDDEN" })
    await expect(roles.remove("all-events", someone())).rejects.toMatchObject({ code: "CARILLON_FORBIDDEN" })
    expect(await roles.create({ name: "events", permissions: ["VIEW_EVENTS"] }, someone())).toMatchObject({
      builtIn: false,
    })
  })
})

function bound() {
  const { identity } = identityInMemory()
  const { roles, tokens, users } = identity
  const authenticate = (token: string) =>
    identity.authenticate({ authorization: `Bearer ${token}`, address: "10.0.0.1" })
  return { roles, tokens, users, authenticate }
}
