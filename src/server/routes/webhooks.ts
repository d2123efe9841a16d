import {
  createWebhook,
  disableWebhook,
  enableWebhook,
  getWebhook,
  getWebhookHealth,
  listWebhooks,
  pauseWebhook,
  removeWebhook,
  resumeWebhook,
  rotateWebhookSecret,
  testWebhook,
  updateWebhook,
} from "../../contract/webhooks.ts"
import type { Scopes } from "../../core/scope.ts"
import type { Access } from "../../identity/access.ts"
import type { NewWebhook, Webhook, WebhookChange } from "../../webhooks/shapes.ts"
import { type Served, serve } from "../served.ts"
import { pageOfWhole } from "../whole-list.ts"

export const webhookRoutes: readonly Served[] = [
  serve(listWebhooks, async ({ carillon, query, cursors, ...asked }) => {
    const all = await carillon.webhooks.list(theirs(asked))
    return pageOfWhole(all.map(shown), { query, cursors, keyOf: ({ id }) => id })
  }),
  serve(createWebhook, async ({ carillon, access, body, note }) => {
    note({ events: body.events, recipient: originOf(body.recipient) })
    const made = await carillon.webhooks.create(body as NewWebhook, access)
    note({ webhook: made.id, scope: made.scope })
    return shown(made)
  }),
  serve(getWebhook, async ({ carillon, params, ...asked }) =>
    shown(await carillon.webhooks.get(params.id, theirs(asked))),
  ),
  serve(updateWebhook, async ({ carillon, params, body, note, ...asked }) => {
    const { recipient } = body
    note({
      changed: Object.keys(body),
      ...(recipient === undefined ? {} : { recipient: originOf(recipient) }),
    })
    return shown(await carillon.webhooks.update(params.id, body as WebhookChange, theirs(asked)))
  }),
  serve(removeWebhook, async ({ carillon, params, note, ...asked }) => {
    const removed = await carillon.webhooks.remove(params.id, theirs(asked))
    note({ cancelled: removed.cancelled })
    return removed
  }),
  serve(pauseWebhook, async ({ carillon, params, ...asked }) =>
    shown(await carillon.webhooks.pause(params.id, theirs(asked))),
  ),
  serve(resumeWebhook, async ({ carillon, params, ...asked }) =>
    shown(await carillon.webhooks.resume(params.id, theirs(asked))),
  ),
  serve(enableWebhook, async ({ carillon, params, ...asked }) =>
    shown(await carillon.webhooks.enable(params.id, theirs(asked))),
  ),
  serve(disableWebhook, async ({ carillon, params, body, note, ...asked }) => {
    const detail = body?.detail
    note({ detail })
    return shown(await carillon.webhooks.disable(params.id, { detail }, theirs(asked)))
  }),
  serve(rotateWebhookSecret, async ({ carillon, params, body, note, ...asked }) => {
    note({ overlapMs: body?.overlapMs })
    return shown(await carillon.webhooks.rotateSecret(params.id, body ?? {}, theirs(asked)))
  }),
  serve(testWebhook, async ({ carillon, params, body, note, ...asked }) => {
    const result = await carillon.webhooks.test(params.id, body ?? {}, theirs(asked))
    note({ event: result.event, success: result.success, status: result.details?.status ?? null })
    return result
  }),
  serve(getWebhookHealth, ({ carillon, params, ...asked }) =>
    carillon.webhooks.health(params.id, theirs(asked)),
  ),
]

/** Whoever asks for one scope is bound to that one for the time of the request. */
function theirs({ access, scopes }: { readonly access: Access; readonly scopes: Scopes }): Access {
  return { ...access, scopes }
}

/** All tenants share one sequence of numbers: it would tell how many others there are. */
function shown<T extends Webhook>({ no: _, ...webhook }: T): Omit<T, "no"> {
  return webhook
}

/** A path or a query may be a secret in itself. */
function originOf(recipient: string): string {
  return URL.parse(recipient)?.host ?? "no URL"
}
