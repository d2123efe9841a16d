import {
  createApplication,
  getApplication,
  listApplications,
  removeApplication,
  rotateApplication,
} from "./applications.ts"
import { listAudit } from "./audit.ts"
import {
  cancel,
  cancelDelivery,
  getDelivery,
  listDeadLetters,
  listDeliveries,
  redrive,
  redriveDelivery,
} from "./deliveries.ts"
import { erase } from "./erasures.ts"
import { clearEventGroup, releaseEventGroup } from "./event-groups.ts"
import { emitEvents, getEvent, listEvents, traceEvent } from "./events.ts"
import { getMe } from "./me.ts"
import { getDefinition, listDefinitions, listEventNames } from "./names.ts"
import { getReplay, startReplay } from "./replays.ts"
import { createRole, listRoles, removeRole, updateRole } from "./roles.ts"
import { cancelRun, getRun, listRuns, retryStep, setStepFailure, setStepSuccess, startRun } from "./runs.ts"
import { listSchedules, pauseSchedule, removeSchedule, resumeSchedule } from "./schedules.ts"
import { listScopes } from "./scopes.ts"
import { getApi, getDocument, getHealth, getMetrics, getReady, logIn } from "./server.ts"
import { streamEvents } from "./stream.ts"
import {
  getSubscription,
  listSubscriptions,
  pauseSubscription,
  removeSubscription,
  resumeSubscription,
} from "./subscriptions.ts"
import { getDiagnosis, getStats, listWorkers, prune } from "./system.ts"
import { createToken, getToken, listTokens, revokeToken } from "./tokens.ts"
import { createUser, getUser, listUsers, removeUser, setPassword, updateUser } from "./users.ts"
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
} from "./webhooks.ts"
import { listWorkflows } from "./workflows.ts"

/** Every route of the API, by the name that the document has for it. */
export const contract = {
  emitEvents,
  listEvents,
  getEvent,
  traceEvent,
  streamEvents,
  releaseEventGroup,
  clearEventGroup,
  listEventNames,
  listDefinitions,
  getDefinition,
  listDeliveries,
  getDelivery,
  redriveDelivery,
  cancelDelivery,
  listDeadLetters,
  redrive,
  cancel,
  startReplay,
  getReplay,
  listSubscriptions,
  getSubscription,
  pauseSubscription,
  resumeSubscription,
  removeSubscription,
  listWebhooks,
  createWebhook,
  getWebhook,
  updateWebhook,
  removeWebhook,
  pauseWebhook,
  resumeWebhook,
  enableWebhook,
  disableWebhook,
  rotateWebhookSecret,
  testWebhook,
  getWebhookHealth,
  listWorkflows,
  startRun,
  listRuns,
  getRun,
  cancelRun,
  retryStep,
  setStepSuccess,
  setStepFailure,
  listSchedules,
  pauseSchedule,
  resumeSchedule,
  removeSchedule,
  listScopes,
  listWorkers,
  getStats,
  getDiagnosis,
  prune,
  erase,
  getMe,
  listUsers,
  createUser,
  getUser,
  updateUser,
  setPassword,
  removeUser,
  listRoles,
  createRole,
  updateRole,
  removeRole,
  listTokens,
  createToken,
  getToken,
  revokeToken,
  listApplications,
  createApplication,
  getApplication,
  rotateApplication,
  removeApplication,
  listAudit,
  getApi,
  getDocument,
  getHealth,
  getReady,
  getMetrics,
  logIn,
} as const
