import type { Samples } from './sample.ts'

const REPOSITORY = { id: 4711, name: 'shop', full_name: 'example/shop', private: true }
const COMMIT = {
  id: '5c7f2f7e1d0b4b6f8f0f6c1f9a1d2e3b4c5d6e7f',
  message: 'Round prices at the end',
  timestamp: '{iso}',
  author: { name: 'Some One', email: 'someone@example.test' },
}
const PUSH = {
  ref: 'refs/heads/main',
  before: '0f1e2d3c4b5a69788796a5b4c3d2e1f001234567',
  after: COMMIT.id,
  repository: REPOSITORY,
  pusher: { name: 'someone', email: 'someone@example.test' },
  commits: [COMMIT],
}

const gitea = (name: string) => ({
  headers: { [`X-${name}-Event`]: 'push', 'X-Gitea-Event': 'push', [`X-${name}-Delivery`]: '{uuid}' },
  json: PUSH,
})

/** Source control, continuous integration, hosting and monitoring. */
export const HOSTING_SAMPLES: Samples = {
  github: {
    headers: { 'X-GitHub-Event': 'push', 'X-GitHub-Delivery': '{uuid}', 'X-GitHub-Hook-ID': '292430182' },
    json: PUSH,
  },
  gitlab: {
    headers: {
      'X-Gitlab-Event': 'Push Hook',
      'X-Gitlab-Event-UUID': '{uuid}',
      'Idempotency-Key': '{uuid}',
      'X-Gitlab-Instance': 'https://gitlab.example.test',
    },
    json: {
      object_kind: 'push',
      event_name: 'push',
      ref: 'refs/heads/main',
      user_username: 'someone',
      project: { id: 15, name: 'shop', path_with_namespace: 'example/shop' },
      commits: [COMMIT],
      total_commits_count: 1,
    },
  },
  'gitlab-signing-token': {
    headers: { 'X-Gitlab-Event': 'Push Hook', 'X-Gitlab-Event-UUID': '{uuid}' },
    json: { object_kind: 'push', ref: 'refs/heads/main', user_username: 'someone', commits: [COMMIT] },
  },
  bitbucket: {
    headers: {
      'X-Event-Key': 'repo:push',
      'X-Request-UUID': '{uuid}',
      'X-Hook-UUID': '8d6a1f5e-0000-4000-8000-000000000001',
    },
    json: {
      actor: { display_name: 'Some One' },
      repository: { full_name: 'example/shop' },
      push: { changes: [{ new: { type: 'branch', name: 'main', target: { hash: COMMIT.id } } }] },
    },
  },
  gitea: gitea('Gitea'),
  forgejo: gitea('Forgejo'),
  gogs: { headers: { 'X-Gogs-Event': 'push', 'X-Gogs-Delivery': '{uuid}' }, json: PUSH },
  circleci: {
    headers: { 'Circleci-Event-Type': 'workflow-completed' },
    json: {
      id: '{uuid}',
      type: 'workflow-completed',
      happened_at: '{iso}',
      workflow: { name: 'build-and-test', status: 'success' },
      project: { slug: 'github/example/shop' },
    },
  },
  'docker-hub': {
    json: {
      push_data: { pushed_at: '{unix}', pusher: 'someone', tag: 'latest' },
      repository: { repo_name: 'example/shop', namespace: 'example', name: 'shop' },
    },
  },
  vercel: {
    json: {
      id: '{uuid}',
      type: 'deployment.succeeded',
      createdAt: '{unix}',
      payload: { deployment: { id: 'dpl_example', name: 'shop', url: 'shop-example.vercel.app' } },
    },
  },
  netlify: {
    headers: { 'X-Netlify-Event': 'deploy_created' },
    json: { id: '{uuid}', name: 'shop', state: 'ready', branch: 'main', created_at: '{iso}' },
  },
  sentry: {
    headers: { 'Sentry-Hook-Resource': 'issue', 'Sentry-Hook-Timestamp': '{unix}', 'Request-ID': '{uuid}' },
    json: {
      action: 'created',
      installation: { uuid: '8d6a1f5e-0000-4000-8000-000000000002' },
      data: { issue: { id: '1170820242', title: 'TypeError: total is undefined', level: 'error' } },
      actor: { type: 'application', name: 'Sentry' },
    },
  },
  pagerduty: {
    headers: { 'X-Webhook-Id': '{uuid}' },
    json: {
      event: {
        id: '{uuid}',
        event_type: 'incident.triggered',
        resource_type: 'incident',
        occurred_at: '{iso}',
        data: { id: 'PGR0VU2', type: 'incident', title: 'Checkout is slow', urgency: 'high' },
      },
    },
  },
  grafana: {
    json: {
      receiver: 'attune',
      status: 'firing',
      alerts: [
        { status: 'firing', labels: { alertname: 'HighLatency' }, startsAt: '{iso}', values: { B: 1.7 } },
      ],
      groupLabels: { alertname: 'HighLatency' },
      title: '[FIRING:1] HighLatency',
    },
  },
  alertmanager: {
    json: {
      version: '4',
      groupKey: '{}:{alertname="HighLatency"}',
      status: 'firing',
      receiver: 'attune',
      groupLabels: { alertname: 'HighLatency' },
      alerts: [
        {
          status: 'firing',
          labels: { alertname: 'HighLatency', severity: 'page' },
          annotations: { summary: 'Checkout takes more than 2 seconds' },
          startsAt: '{iso}',
        },
      ],
    },
  },
  datadog: {
    json: { id: '{uuid}', title: 'Checkout is slow', event_type: 'metric_alert_monitor', date: '{unix}' },
  },
  cloudflare: {
    json: {
      name: 'Origin errors',
      text: 'The origin answers 5xx.',
      alert_type: 'http_alert_origin_error',
      ts: '{unix}',
    },
  },
}
