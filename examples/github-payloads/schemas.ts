import { z } from "zod"

/**
 * What GitHub always sends with each kind of webhook, and what our subscribers may therefore rely on. Loose objects:
 * everything else in the payload stays, unchecked.
 */

const id = z.number().int().positive()
const instant = z.iso.datetime({ offset: true })
const action = z.string().min(1)
const commitSha = z.string().regex(/^[0-9a-f]{40}$/)

const user = z.looseObject({ id, login: z.string() })
const organization = z.looseObject({ id, login: z.string() })
const repository = z.looseObject({
  id,
  name: z.string(),
  full_name: z.string(),
  private: z.boolean(),
  owner: user,
})
const team = z.looseObject({ id, name: z.string() })
const named = z.looseObject({ id, name: z.string() })
const numbered = z.looseObject({ id, number: z.number(), title: z.string(), state: z.string() })
const comment = z.looseObject({ id, body: z.string(), created_at: instant, user })
const hook = z.looseObject({ id, type: z.string(), active: z.boolean() })
const deployment = z.looseObject({
  id,
  sha: commitSha,
  ref: z.string(),
  task: z.string(),
  environment: z.string(),
})
const alert = z.looseObject({ number: z.number(), state: z.string(), created_at: instant })
const card = z.looseObject({ id, node_id: z.string(), created_at: instant })
const pullRequest = z.looseObject({
  id,
  number: z.number(),
  title: z.string(),
  state: z.string(),
  head: z.looseObject({ ref: z.string(), sha: commitSha }),
})

const anywhere = <Shape extends z.ZodRawShape>(shape: Shape) => z.looseObject({ sender: user, ...shape })
const inRepository = <Shape extends z.ZodRawShape>(shape: Shape) => anywhere({ repository, ...shape })
const inOrganization = <Shape extends z.ZodRawShape>(shape: Shape) => anywhere({ organization, ...shape })

/** One schema for each name of a webhook. */
export const schemas = {
  branch_protection_rule: inRepository({ action, rule: named }),
  check_run: inRepository({
    action,
    check_run: z.looseObject({ id, name: z.string(), head_sha: commitSha }),
  }),
  check_suite: inRepository({ action, check_suite: z.looseObject({ id, head_sha: commitSha }) }),
  code_scanning_alert: inRepository({ action, ref: z.string(), commit_oid: z.string(), alert }),
  commit_comment: inRepository({ action, comment }),
  create: inRepository({ ref: z.string(), ref_type: z.enum(["tag", "branch"]), master_branch: z.string() }),
  delete: inRepository({ ref: z.string(), ref_type: z.enum(["tag", "branch"]) }),
  dependabot_alert: inRepository({ action, alert }),
  deploy_key: inRepository({ action, key: z.looseObject({ id, key: z.string(), read_only: z.boolean() }) }),
  deployment: inRepository({ action, deployment }),
  deployment_review: inRepository({ action, environment: z.string(), requestor: user, workflow_run: named }),
  deployment_status: inRepository({
    action,
    deployment,
    deployment_status: z.looseObject({ id, state: z.string(), environment: z.string() }),
  }),
  discussion: inRepository({ action, discussion: numbered }),
  discussion_comment: inRepository({ action, comment, discussion: numbered }),
  fork: inRepository({ forkee: repository }),
  github_app_authorization: anywhere({ action: z.literal("revoked") }),
  gollum: inRepository({ pages: z.array(z.looseObject({ page_name: z.string(), sha: z.string() })).min(1) }),
  installation: anywhere({ action, installation: z.looseObject({ id, account: user }) }),
  installation_repositories: anywhere({
    action,
    repository_selection: z.enum(["all", "selected"]),
    repositories_added: z.array(named),
    repositories_removed: z.array(named),
  }),
  issue_comment: inRepository({ action, comment, issue: numbered }),
  issues: inRepository({ action, issue: z.looseObject({ id, number: z.number(), title: z.string(), user }) }),
  label: inRepository({ action, label: z.looseObject({ id, name: z.string(), color: z.string() }) }),
  marketplace_purchase: anywhere({
    action,
    effective_date: z.string(),
    marketplace_purchase: z.looseObject({ unit_count: z.number(), plan: named }),
  }),
  member: inRepository({ action, member: user }),
  membership: inOrganization({ action, scope: z.string(), member: user, team }),
  merge_group: inRepository({
    action,
    merge_group: z.looseObject({ head_sha: z.string(), base_sha: z.string() }),
  }),
  meta: inRepository({ action: z.literal("deleted"), hook_id: id, hook }),
  milestone: inRepository({ action, milestone: numbered }),
  organization: inOrganization({ action }),
  org_block: inOrganization({ action, blocked_user: user }),
  package: inRepository({
    action,
    package: z.looseObject({ id, name: z.string(), package_type: z.string() }),
  }),
  page_build: inRepository({ id, build: z.looseObject({ status: z.string(), duration: z.number() }) }),
  ping: anywhere({ zen: z.string(), hook_id: id, hook }),
  project: inRepository({ action, project: named }),
  project_card: inRepository({ action, project_card: card }),
  project_column: inRepository({ action, project_column: named }),
  projects_v2_item: inOrganization({ action, projects_v2_item: card }),
  public: inRepository({}),
  pull_request: inRepository({ action, number: z.number(), pull_request: pullRequest }),
  pull_request_review: inRepository({
    action,
    pull_request: pullRequest,
    review: z.looseObject({ id, state: z.string(), commit_id: commitSha }),
  }),
  pull_request_review_comment: inRepository({ action, comment, pull_request: pullRequest }),
  pull_request_review_thread: inRepository({
    action,
    pull_request: pullRequest,
    thread: z.looseObject({ node_id: z.string(), comments: z.array(comment) }),
  }),
  push: inRepository({
    ref: z.string().startsWith("refs/"),
    before: commitSha,
    after: commitSha,
    commits: z.array(z.looseObject({ id: commitSha, message: z.string() })),
    pusher: z.looseObject({ name: z.string() }),
  }),
  release: inRepository({ action, release: z.looseObject({ id, tag_name: z.string(), draft: z.boolean() }) }),
  repository: inRepository({ action }),
  repository_dispatch: inRepository({ action, branch: z.string(), client_payload: z.looseObject({}) }),
  repository_import: inRepository({ status: z.enum(["success", "cancelled", "failure"]) }),
  repository_vulnerability_alert: inRepository({
    action,
    alert: z.looseObject({ id, affected_package_name: z.string(), severity: z.string() }),
  }),
  // The one webhook that nobody sends: it comes from GitHub itself.
  security_advisory: z.looseObject({
    action,
    security_advisory: z.looseObject({ ghsa_id: z.string().startsWith("GHSA-"), summary: z.string() }),
  }),
  sponsorship: anywhere({
    action,
    sponsorship: z.looseObject({ node_id: z.string(), created_at: instant, sponsor: user }),
  }),
  star: inRepository({ action: z.enum(["created", "deleted"]), starred_at: instant.nullable() }),
  status: inRepository({
    id,
    sha: commitSha,
    context: z.string(),
    state: z.string(),
    commit: z.looseObject({}),
  }),
  team: inOrganization({ action, team }),
  team_add: inRepository({ team }),
  watch: inRepository({ action: z.literal("started") }),
  workflow_dispatch: inRepository({ ref: z.string(), workflow: z.string() }),
  workflow_job: inRepository({ action, workflow_job: z.looseObject({ id, run_id: id, status: z.string() }) }),
  workflow_run: inRepository({
    action,
    workflow_run: z.looseObject({ id, head_sha: commitSha, event: z.string() }),
  }),
} as const

export type WebhookName = keyof typeof schemas
