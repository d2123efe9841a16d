export {
  type CarillonConfig,
  defineConfig,
  type ServiceFactory,
  type StartedApp,
} from "./app/config.ts"
export {
  type AppErrorHandler,
  type AppMiddleware,
  type AppNext,
  type BodyParser,
  defineMiddlewares,
  type MiddlewareRoute,
  type MiddlewaresConfig,
} from "./app/http/middlewares.ts"
export type { HttpConfig } from "./app/http/options.ts"
export type { AppRequest, AuthContext, QueryConfig } from "./app/http/request.ts"
export type { AppResponse } from "./app/http/response.ts"
export {
  type QueryDefaults,
  validateAndTransformBody,
  validateAndTransformQuery,
} from "./app/http/validation.ts"
export type { JobConfig, JobFunction } from "./app/job.ts"
export type { LogLevel } from "./app/log.ts"
export type { ModuleConfig } from "./app/modules.ts"
export type { SubscriberArgs, SubscriberConfig } from "./app/subscriber.ts"
export type { DefinitionReport, ResolverReport } from "./bus/definition-report.ts"
export type {
  AttemptReport,
  DeliveryReport,
  DeliveryState,
  TogetherReport,
} from "./bus/delivery-report.ts"
export type { DoctorReport, TableReport } from "./bus/doctor/doctor.ts"
export type { Finding } from "./bus/doctor/finding.ts"
export type { Interceptor } from "./bus/emitter.ts"
export type { EraseRequest } from "./bus/erase.ts"
export type { ErasedIds, EraseReport, OpenForErase } from "./bus/erase-report.ts"
export type { EventReport } from "./bus/event-report.ts"
export type { EventModule, Handler, HandlerContext, HandlerLogger } from "./bus/events.ts"
export type {
  DeadLetterRequest,
  DeliveryListRequest,
  EventListRequest,
  EventNameReport,
  ListPage,
  StatsReport,
  WorkerReport,
} from "./bus/listing.ts"
export type { Publish, PublishOptions } from "./bus/publisher.ts"
export type { QueueMessage } from "./bus/queue-form.ts"
export type { PruneOptions, PruneReport } from "./bus/retention.ts"
export type { ScheduleReport } from "./bus/schedule-report.ts"
export type { ScopeReport } from "./bus/scope-report.ts"
export type { DeliverySelection, SkippedDelivery } from "./bus/selection.ts"
export type {
  CancelResult,
  RedriveResult,
  ReplayOptions,
  ReplayProgress,
  ReplayResult,
} from "./bus/steering.ts"
export type { SubscriptionReport } from "./bus/subscription-report.ts"
export type { SubscribeOptions } from "./bus/subscriptions.ts"
export type { TailEntry, TailOptions } from "./bus/tail.ts"
export type { StartedRunReport, Trace } from "./bus/trace.ts"
export type { UncalledReport } from "./bus/uncalled.ts"
export type { WithinScopes } from "./bus/within.ts"
export type { WorkflowReport } from "./bus/workflow-report.ts"
export { type Carillon, createCarillon } from "./carillon.ts"
export { type CarillonContainer, ContainerRegistrationKeys, Modules } from "./container.ts"
export { type CopyOptions, copyStore } from "./copy/copy.ts"
export type { CopyProgress, CopyReport, EndedSubscription, ReplacedText, StateCount } from "./copy/report.ts"
export { defineEvent, type EventDefinition, type EventParts } from "./core/definition.ts"
export * from "./core/errors.ts"
export type { CarillonEvent, EmitOptions, EventInput, EventMetadata } from "./core/event.ts"
export type { Policy, RateLimit } from "./core/policy.ts"
export type { PriorityName } from "./core/priority.ts"
export type {
  Arguments,
  ResolveAt,
  ResolveContext,
  ResolveFunction,
  Resolver,
  ServiceCall,
} from "./core/resolver.ts"
export type { Scope, Scopes } from "./core/scope.ts"
export type { Filters } from "./data/conditions.ts"
export { model } from "./data/define.ts"
export type { ChangeInput, CreateInput, Entity, InferTypeOf, UpdateInput } from "./data/entity.ts"
export type { GraphOptions, GraphRequest, GraphResult } from "./data/graph-request.ts"
export type { FindConfig } from "./data/listing.ts"
export { Module, type ModuleDefinition } from "./data/module.ts"
export { type GeneratedService, ModuleService } from "./data/module-service.ts"
export {
  type ConfiguredModule,
  type OpenedModules,
  type OpenModulesOptions,
  openModules,
} from "./data/open-modules.ts"
export type { Query } from "./data/query.ts"
export type { EntityResolver, Resolved, ResolveRequest } from "./data/resolver.ts"
export type { Access, Actor, Power } from "./identity/access.ts"
export type { ApiToken, ApiTokens, MadeApiToken, NewApiToken } from "./identity/api-tokens.ts"
export type { Application, Applications, MadeApplication, NewApplication } from "./identity/applications.ts"
export type { Act, AuditEntry, AuditLog, AuditPage, AuditRequest, Note } from "./identity/audit.ts"
export type { Presented } from "./identity/credentials.ts"
export type { GrantInput } from "./identity/grants.ts"
export type { Identity } from "./identity/identity.ts"
export type { Permission } from "./identity/permissions.ts"
export type { NewRole, Role, Roles } from "./identity/roles.ts"
export type { ReencryptReport, Sealed, SealedReport, UnreadableValue } from "./identity/sealed.ts"
export type { Credentials, NewUser, User, UserChange, Users } from "./identity/users.ts"
export type { CarillonOptions } from "./options.ts"
export type { MetricsRegistry } from "./telemetry/metrics.ts"
export type { LastFailure, WebhookHealth } from "./webhooks/health.ts"
export type { NetworkPolicy } from "./webhooks/http/network.ts"
export { type AmqpOptions, amqpNotifier } from "./webhooks/notifiers/amqp.ts"
export { type EventBridgeOptions, eventBridgeNotifier } from "./webhooks/notifiers/eventbridge.ts"
export { type SqsOptions, sqsNotifier } from "./webhooks/notifiers/sqs.ts"
export type { WebhookSettings } from "./webhooks/settings.ts"
export type {
  MadeWebhook,
  NewWebhook,
  PolicyPreset,
  Webhook,
  WebhookChange,
} from "./webhooks/shapes.ts"
export type { WebhookTestOptions, WebhookTestResult } from "./webhooks/trials.ts"
export type { DisableWebhookOptions, RotateSecretOptions, Webhooks } from "./webhooks/webhooks.ts"
export type { Receipt } from "./worker/committer.ts"
export type { HandlerTx } from "./worker/handler-transaction.ts"
