import { z } from "@hono/zod-openapi"
import { route } from "./route.ts"

const tag = "Server"

export const getApi = route({
  id: "getApi",
  method: "get",
  path: "/api",
  tag,
  summary: "Tell what this is, and where its parts are",
  reach: "open",
  permission: null,
  response: z.object({
    name: z.literal("carillon"),
    version: z.string(),
    links: z.object({ document: z.string(), reference: z.string(), health: z.string(), ready: z.string() }),
  }),
})

export const getDocument = route({
  id: "getDocument",
  method: "get",
  path: "/api/openapi.json",
  tag,
  summary: "Get this document",
  reach: "open",
  permission: null,
  response: z.looseObject({ openapi: z.string() }).meta({ description: "OpenAPI 3.1" }),
})

export const getHealth = route({
  id: "getHealth",
  method: "get",
  path: "/health",
  tag,
  summary: "Tell that the process lives",
  reach: "open",
  permission: null,
  response: z.object({ status: z.literal("ok") }),
})

export const getReady = route({
  id: "getReady",
  method: "get",
  path: "/ready",
  tag,
  summary: "Tell whether requests can be answered: the store is there, and the server does not end",
  reach: "open",
  permission: null,
  response: z.object({ status: z.literal("ready") }),
  refusals: { 503: "It is not ready" },
})

export const getMetrics = route({
  id: "getMetrics",
  method: "get",
  path: "/metrics",
  tag,
  summary: "Get metrics for Prometheus",
  reach: "installation",
  permission: "VIEW_SYSTEM",
  response: z.string(),
  responseType: "text/plain",
})

export const logIn = route({
  id: "logIn",
  method: "post",
  path: "/auth/user/emailpass",
  tag: "Users and tokens",
  summary: "Log in",
  description: "Answers with a token for `Authorization: Bearer`. Too many that fail have to wait.",
  reach: "open",
  permission: null,
  body: z.strictObject({ email: z.string().min(1).max(256), password: z.string().min(1).max(256) }),
  response: z.object({ token: z.string() }),
  refusals: { 401: "There is no user of that address and password", 429: "Too many failed" },
})
