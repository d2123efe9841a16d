import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { contract } from "../../src/contract/contract.ts"
import { PERMISSION_NAMES, type Permission } from "../../src/identity/permissions.ts"
import { describeEngines } from "../support/describe.ts"
import { type Answer, plain } from "../support/isolation/answer.ts"
import { everythingIn } from "../support/isolation/fingerprint.ts"
import { matrix } from "../support/isolation/matrix.ts"
import { Rivals } from "../support/isolation/rivals.ts"
import { pathOf, present } from "../support/isolation/served-routes.ts"
import { ACME, GLOBEX } from "../support/isolation/tenant.ts"

/** Who must say nothing of themselves for these. */
const OPEN = ["getApi", "getDocument", "getHealth", "getReady", "logIn"]
/** What looks like a cursor, and is none. */
const NONE = "A".repeat(60)
const ids = Object.keys(matrix)
const guarded = ids.filter((id) => !OPEN.includes(id))

await describeEngines((engine) => {
  let rivals: Rivals
  let globexBefore: readonly string[]
  beforeAll(async () => {
    rivals = await Rivals.open(engine)
    globexBefore = await rivals.globexNow()
  })
  afterAll(() => rivals.close())

  describe("the matrix", () => {
    it("has an entry for each route that is served, and no other", () => {
      const served = [...rivals.routes.keys()]

      expect(served.filter((id) => !ids.includes(id))).toEqual([])
      expect(ids.filter((id) => !served.includes(id))).toEqual([])
      expect(Object.keys(contract).filter((id) => !served.includes(id))).toEqual([])
    })

    it("knows which routes are open, and that all others ask for a permission of their kind", () => {
      const routes = [...rivals.routes.values()]

      expect(
        routes
          .filter(({ reach }) => reach === "open")
          .map(({ id }) => id)
          .sort(),
      ).toEqual(OPEN)
      const others = routes.filter(({ reach }) => reach !== "open")
      expect(others.filter(({ permission }) => permission === null).map(({ id }) => id)).toEqual(["getMe"])
      const looking = others.filter(({ permission }) => permission?.startsWith("VIEW_"))
      expect(looking.filter(({ method }) => method !== "GET")).toEqual([])
      expect(
        others.filter((route) => route.method === "GET" && !looking.includes(route)).map(({ id }) => id),
      ).toEqual(["getMe"])
    })
  })

  describe("a credential", () => {
    it.each(guarded)("is asked for by %s before anything of the request is read", async (id) => {
      const answers: Answer[] = []
      for (const token of [undefined, "crl_none", await lacking(id)]) answers.push(await askUnread(id, token))

      const isAnybodys = rivals.route(id).permission === null
      expect(answers.map(({ status }) => status)).toEqual([401, 401, isAnybodys ? 200 : 403])
    })

    it("that is not good enough has changed nothing", async () => {
      expect(await everythingIn(rivals.beside.shop.place)).toEqual(before)
    })

    const tokens = new Map<string, string>()
    let before: readonly string[]
    beforeAll(async () => {
      for (const each of [null, ...PERMISSION_NAMES]) tokens.set(String(each), await tokenWithout(each))
      before = await everythingIn(rivals.beside.shop.place)
    })
    const lacking = async (id: string): Promise<string> =>
      tokens.get(String(rivals.route(id).permission)) as string

    async function tokenWithout(lacked: Permission | null): Promise<string> {
      const permissions = PERMISSION_NAMES.filter((each) => each !== lacked)
      const made = await rivals.beside.carillon.identity.tokens.create({
        name: "almost",
        permissions,
        scopes: "all",
      })
      return made.token
    }

    async function askUnread(id: string, token: string | undefined): Promise<Answer> {
      const route = rivals.route(id)
      const [attempt] = rivals.attemptsOf(id)
      let wasRead = false
      const pull = (): void => {
        wasRead = true
      }
      const stream = new ReadableStream({ pull }, { highWaterMark: 0 })
      const body = route.method === "GET" ? undefined : stream
      const answer = await rivals.beside.asking.ask(route.method, pathOf(route, attempt), { token, body })
      expect(wasRead).toBe(false)
      return answer
    }
  })

  describe("Acme beside Globex is told the same as without, and changes nothing of it, by", () => {
    let globexSaw: readonly Answer[]
    const told = new Map<string, Answer>()
    beforeAll(async () => {
      globexSaw = await globexSees()
    })

    it.each(ids)("%s", async (id) => {
      const { takesScope, isPaged, method } = rivals.route(id)
      for (const [nth, attempt] of rivals.attemptsOf(id).entries()) {
        const { how, status, until, theirs } = attempt
        // Those that are aimed well say enough of a scope that is not Acme's.
        const isTelling = nth === 0 || theirs !== undefined
        if (takesScope && isTelling && until === undefined) await expectNobodyIn(id, nth, how)
        const { beside, alone } = await rivals.attempt(id, nth)
        told.set(`${id} ${nth}`, beside)
        expect(beside, how).toEqual(alone)
        expect(beside.status, `${how}: ${beside.text}`).toBe(status)
        if (method === "GET") await expectSameHead(id, nth)
      }
      if (isPaged) await expectSamePages(id)
      expect(await rivals.globexNow()).toEqual(globexBefore)
    })

    it("a cursor of its lists, or of an admin's", async () => {
      const strangers = [rivals.theirs.token, rivals.beside.admin]
      for (const { id, method, path } of [...rivals.routes.values()].filter(({ isPaged }) => isPaged)) {
        const { beside: wrong } = await rivals.both(method, `${path}?cursor=${NONE}`)
        expect(wrong.status, id).toBe(rivals.route(id).reach === "installation" ? 403 : 400)
        for (const token of strangers) {
          const page = await rivals.beside.asking
            .json<{ cursor: string | null }>(method, `${path}?limit=1`, { token })
            .catch(() => ({ cursor: null })) // it may be for those who see all
          const { beside, alone } = await rivals.both(method, `${path}?cursor=${page.cursor ?? NONE}`)
          expect([beside, alone], id).toEqual([wrong, wrong])
        }
      }
    })

    it("a place in its stream, or in an admin's", async () => {
      const { beside: wrong } = await rivals.both("GET", `/api/stream?after=${NONE}`)
      expect(wrong.status).toBe(400)
      for (const token of [rivals.theirs.token, rivals.beside.admin]) {
        const { text } = await rivals.beside.asking.ask("GET", "/api/stream", { token, until: "\nid: " })
        const place = /^id: (\S+)$/m.exec(text)?.[1] ?? ""
        expect(place).not.toBe("")
        const headers = { "last-event-id": place }
        for (const pair of [
          await rivals.both("GET", `/api/stream?after=${place}`),
          await rivals.both("GET", "/api/stream", { headers }),
        ])
          expect([pair.beside, pair.alone]).toEqual([wrong, wrong])
      }
    })

    it("what is open to everybody, or not there", async () => {
      const paths = OPEN.map((id) => rivals.route(id).path)
      for (const path of [
        ...paths,
        "/api/docs",
        "/api/docs/start.js",
        "/api/globex",
        "/api/events/ord_2001/x",
      ])
        for (const method of ["GET", "HEAD", "OPTIONS", "PROPFIND"]) {
          const { beside, alone } = await rivals.both(method, path)
          expect(beside, `${method} ${path}`).toEqual(alone)
          const nobody = await rivals.beside.asking.ask(method, path)
          expect(nobody, `${method} ${path}`).toEqual(beside)
        }
    })

    it("another kind of credential", async () => {
      for (const headers of await otherCredentials())
        for (const id of guarded.filter((each) => rivals.route(each).method === "GET" && each !== "getMe"))
          for (const attempt of rivals.attemptsOf(id)) {
            if (attempt.until !== undefined) continue
            const { asking, acme } = rivals.beside
            const path = pathOf(rivals.route(id), attempt)
            const said = { ...present(attempt.headers ?? {}) }
            const byToken = await asking.ask("GET", path, { token: acme.token, headers: said })
            const byOther = await asking.ask("GET", path, { headers: { ...said, ...headers } })
            expect(plain(byOther), `${id} ${attempt.how}`).toEqual(plain(byToken))
          }
    })

    it("what else stands in the way of its own", async () => {
      expect(await globexSees()).toEqual(globexSaw)
    })

    it("workers, who do what it has asked for", async () => {
      await rivals.beside.work()

      expect(await rivals.globexNow()).toEqual(globexBefore)
    })

    it("requests that are good ones, as Globex finds when it sends them itself", async () => {
      const { beside, theirs } = rivals
      for (const id of inOrderOfHarm())
        for (const [nth, attempt] of rivals.attemptsOf(id).entries()) {
          if (attempt.theirs === undefined) continue
          const answer = plain(await rivals.ask(beside, theirs.token, { id, attempt }))
          expect(answer.status, `${id} ${attempt.how}: ${answer.text}`).toBe(attempt.theirs)
          if (answer.text !== "") expect(answer, `${id} ${attempt.how}`).not.toEqual(told.get(`${id} ${nth}`))
        }
    })

    /** An application's secret, and what a user gets who logs in: as good for Acme as its token. */
    async function otherCredentials(): Promise<readonly Record<string, string>[]> {
      const { asking, carillon } = rivals.beside
      const grant = { roles: ["admin"], scopes: [ACME] }
      const application = await carillon.identity.applications.create({ name: "pos", ...grant })
      const body = { email: "chief@acme.example", password: "correct horse" }
      await carillon.identity.users.create({ ...body, ...grant })
      const { token } = await asking.json<{ token: string }>("POST", "/auth/user/emailpass", { body })
      const secret = Buffer.from(`${application.clientId}:${application.clientSecret}`).toString("base64")
      return [{ authorization: `Basic ${secret}` }, { authorization: `Bearer ${token}` }]
    }

    /** The token with which it asks goes last. */
    function inOrderOfHarm(): readonly string[] {
      const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
      const harm = (id: string): number =>
        id === "revokeToken" ? methods.length : methods.indexOf(rivals.route(id).method)
      return ids.toSorted((a, b) => harm(a) - harm(b))
    }

    /** What lies in its scope is not there, as in one that nobody ever heard of. */
    async function expectNobodyIn(id: string, nth: number, how: string): Promise<void> {
      const { beside, alone } = await rivals.attempt(id, nth, { scope: GLOBEX })
      const nowhere = await rivals.attempt(id, nth, { scope: "nobody/master" })
      expect([beside, alone], `${how}, in its scope`).toEqual([nowhere.beside, nowhere.alone])
    }

    async function expectSameHead(id: string, nth: number): Promise<void> {
      const path = pathOf(rivals.route(id), rivals.attemptsOf(id)[nth])
      const { beside, alone } = await rivals.both("HEAD", path)
      expect(plain(beside)).toEqual(plain(alone))
    }

    async function expectSamePages(id: string): Promise<void> {
      const { path, reach } = rivals.route(id)
      let cursors = ["", ""]
      do {
        const pages = await Promise.all(
          [rivals.beside, rivals.alone].map(({ asking, acme: { token } }, i) =>
            asking.ask("GET", `${path}?limit=1${cursors[i] === "" ? "" : `&cursor=${cursors[i]}`}`, {
              token,
            }),
          ),
        )
        const [beside, alone] = pages.map(plain)
        expect(beside).toEqual(alone)
        expect(beside?.status).toBe(reach === "installation" ? 403 : 200)
        cursors = pages.map(({ text }) => (JSON.parse(text) as { cursor?: string | null }).cursor ?? "")
      } while (cursors[0] !== "")
    }

    async function globexSees(): Promise<readonly Answer[]> {
      const answers: Answer[] = []
      for (const id of guarded.filter((each) => rivals.route(each).method === "GET"))
        for (const attempt of rivals.attemptsOf(id))
          if (attempt.theirs !== undefined)
            answers.push(plain(await rivals.ask(rivals.beside, rivals.theirs.token, { id, attempt })))
      return answers
    }
  })
})
