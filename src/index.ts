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
export type {
  AttemptReport,
  DeliveryReport,
  DeliveryState,
  TogetherReport,
} from "./bus/delivery-report.ts"
export type { DoctorReport, TableReport } from "./bus/doctor/doctor.ts"
export type { Finding } from "./bus/doctor/finding.ts"
export type { Interceptor } from "./bus/emitter.ts"
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
export type { PruneOptions, PruneReport } from "./bus/retention.ts"
export type { ScheduleReport } from "./bus/schedule-report.ts"
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
export type { WorkflowReport } from "./bus/workflow-report.ts"
export { type Carillon, createCarillon } from "./carillon.ts"
export { type CarillonContainer, ContainerRegistrationKeys, Modules } from "./container.ts"
export { type CopyOptions, copyStore } from "./copy/copy.ts"
export type { CopyProgress, CopyReport, EndedSubscription, ReplacedText, StateCount } from "./copy/report.ts"
export { defineEvent, type EventDefinition } from "./core/definition.ts"
export * from "./core/errors.ts"
export type { CarillonEvent, EmitOptions, EventInput, EventMetadata } from "./core/event.ts"
export type { Policy, RateLimit } from "./core/policy.ts"
export type { PriorityName } from "./core/priority.ts"
export type { Scope } from "./core/scope.ts"
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
export type { Credentials, User, Users } from "./identity/users.ts"
export type { CarillonOptions } from "./options.ts"
export type { Receipt } from "./worker/committer.ts"
export type { HandlerTx } from "./worker/handler-transaction.ts"
