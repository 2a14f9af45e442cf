import type { Preset } from './preset.ts'
import { NOTHING_BUT_PASSWORD, NOTHING_BUT_TOKEN, STANDARD_WEBHOOKS, SVIX } from './shared.ts'

/** Source control, continuous integration, hosting and monitoring. */
export const HOSTING: readonly Preset[] = [
  {
    name: 'github',
    title: 'GitHub',
    docs: 'https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries',
    certainty: 'A',
    setup:
      'In the repository or organisation: Settings → Webhooks → Add webhook. The URL goes into Payload URL, the secret into Secret; choose application/json. GitHub sends a `ping` at once.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-hub-signature-256'], enc: 'hex', prefix: 'sha256=' },
      signed: '{body}',
      event: 'header:x-github-event',
      dedup: 'header:x-github-delivery',
    },
  },
  {
    name: 'gitlab',
    title: 'GitLab (secret token)',
    docs: 'https://docs.gitlab.com/user/project/integrations/webhooks/',
    certainty: 'B',
    setup:
      'In the settings of the project or group, under Webhooks: the URL goes into URL, the secret into Secret token. Prefer the signing token where your GitLab has it: it signs the body, this one does not.',
    notSigned: NOTHING_BUT_TOKEN,
    scheme: {
      scheme: 'token',
      at: 'header:x-gitlab-token',
      event: 'header:x-gitlab-event',
      dedup: 'header:idempotency-key',
    },
  },
  {
    name: 'gitlab-signing-token',
    title: 'GitLab (signing token)',
    aliasOf: 'standard-webhooks',
    docs: 'https://gitlab.com/gitlab-org/gitlab/-/merge_requests/230944',
    certainty: 'B',
    setup:
      'In the settings of the project or group, under Webhooks: enter the URL and let GitLab make a signing token. The token, `whsec_…`, is the secret.',
    scheme: STANDARD_WEBHOOKS,
  },
  {
    name: 'bitbucket',
    title: 'Bitbucket',
    docs: 'https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/',
    certainty: 'B',
    setup:
      'In the repository settings, under Webhooks: add one with the URL and the secret. Without a secret Bitbucket sends no signature.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-hub-signature'], enc: 'hex', prefix: 'sha256=' },
      signed: '{body}',
      event: 'header:x-event-key',
      dedup: 'header:x-request-uuid',
    },
  },
  {
    name: 'gitea',
    title: 'Gitea',
    docs: 'https://github.com/go-gitea/gitea/blob/main/services/webhook/deliver.go',
    certainty: 'A',
    setup:
      'In the settings of the repository, under Webhooks: add one of type Gitea with the URL and the secret. Both content types are understood. Without a secret the signature headers come empty and are refused.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-gitea-signature'], enc: 'hex' },
      signed: '{body}',
      signedForm: '{form:payload}',
      event: 'header:x-gitea-event',
      dedup: 'header:x-gitea-delivery',
    },
  },
  {
    name: 'forgejo',
    title: 'Forgejo',
    aliasOf: 'gitea',
    certainty: 'A',
    setup:
      'In the settings of the repository, under Webhooks: add one of type Forgejo with the URL and the secret. Both content types are understood.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-forgejo-signature', 'header:x-gitea-signature'], enc: 'hex' },
      signed: '{body}',
      signedForm: '{form:payload}',
      event: 'header:x-gitea-event',
      dedup: 'header:x-gitea-delivery',
    },
  },
  {
    name: 'gogs',
    title: 'Gogs',
    aliasOf: 'gitea',
    certainty: 'A',
    setup:
      'In the settings of the repository, under Webhooks: add one of type Gogs with the URL and the secret. Both content types are understood.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-gogs-signature'], enc: 'hex' },
      signed: '{body}',
      signedForm: '{form:payload}',
      event: 'header:x-gogs-event',
      dedup: 'header:x-gogs-delivery',
    },
  },
  {
    name: 'circleci',
    title: 'CircleCI',
    certainty: 'B',
    setup: 'In the settings of the project, under Webhooks: add one with the URL and the secret.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:circleci-signature'], list: ',', kv: '=', take: 'v1', enc: 'hex' },
      signed: '{body}',
      event: 'header:circleci-event-type',
      dedup: 'json:id',
    },
  },
  {
    name: 'buildkite',
    title: 'Buildkite (signature)',
    docs: 'https://buildkite.com/docs/apis/webhooks/pipelines#webhook-signature',
    certainty: 'B',
    setup:
      'In the settings of the organisation, under Notification Services: add a webhook with the URL, and choose that the token is sent as a signature. The token that is shown there is the secret.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: {
        from: ['header:x-buildkite-signature'],
        list: ',',
        kv: '=',
        take: 'signature',
        enc: 'hex',
        trim: true,
      },
      ts: { from: 'sig:timestamp', unit: 's', tolerance: 300 },
      signed: '{ts}.{body}',
      event: 'header:x-buildkite-event',
    },
  },
  {
    name: 'buildkite-token',
    title: 'Buildkite (token)',
    docs: 'https://buildkite.com/docs/apis/webhooks/pipelines#webhook-signature',
    certainty: 'B',
    setup:
      'In the settings of the organisation, under Notification Services: add a webhook with the URL. The token that it shows is the secret. Prefer the signature: it covers the body, the token does not.',
    notSigned: NOTHING_BUT_TOKEN,
    scheme: { scheme: 'token', at: 'header:x-buildkite-token', event: 'header:x-buildkite-event' },
  },
  {
    name: 'sonarqube',
    title: 'SonarQube',
    certainty: 'M',
    setup:
      'In the administration of the project or of the whole server, under Webhooks: create one with the URL and the secret.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-sonar-webhook-hmac-sha256'], enc: 'hex' },
      signed: '{body}',
      dedup: 'json:taskId',
    },
  },
  {
    name: 'terraform-cloud',
    title: 'Terraform Cloud',
    certainty: 'M',
    setup:
      'In the settings of the workspace, under Notifications: create a webhook with the URL, and the secret as its token. It sends a verification at once, which has to be accepted.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha512',
      sig: { from: ['header:x-tfe-notification-signature'], enc: 'hex' },
      signed: '{body}',
      event: 'json:notifications.0.trigger',
    },
  },
  {
    name: 'docker-hub',
    title: 'Docker Hub',
    docs: 'https://docs.docker.com/docker-hub/repos/manage/webhooks/',
    certainty: 'B',
    setup:
      'In the repository, under Webhooks: add the URL with `?token=` and the secret behind it. Docker Hub signs nothing and sends no header of yours.',
    notSigned: NOTHING_BUT_TOKEN,
    scheme: { scheme: 'token', at: 'query:token' },
  },
  {
    name: 'vercel',
    title: 'Vercel',
    docs: 'https://vercel.com/docs/webhooks/webhooks-api#securing-webhooks',
    certainty: 'C',
    setup:
      'Create a webhook in the settings of the team with the URL; the secret that Vercel shows then is the secret. For an integration it is the client secret.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha1',
      sig: { from: ['header:x-vercel-signature'], enc: 'hex' },
      signed: '{body}',
      event: 'json:type',
      dedup: 'json:id',
    },
  },
  {
    name: 'netlify',
    title: 'Netlify',
    docs: 'https://docs.netlify.com/site-deploys/notifications/#payload-signature',
    certainty: 'B',
    setup:
      'In the settings of the site, under notifications: add an HTTP POST request with the URL, and the secret as its JWS secret token.',
    scheme: {
      scheme: 'jwt',
      token: 'header:x-webhook-signature',
      algs: ['HS256'],
      claims: { iss: 'netlify', sha256: '{sha256:hex}' },
      event: 'header:x-netlify-event',
    },
  },
  {
    name: 'render',
    title: 'Render',
    aliasOf: 'standard-webhooks',
    certainty: 'A',
    setup:
      'In the dashboard, in the integrations of the workspace under Webhooks: create one with the URL. Its signing secret is the secret.',
    scheme: STANDARD_WEBHOOKS,
  },
  {
    name: 'heroku',
    title: 'Heroku',
    certainty: 'M',
    setup:
      "Subscribe the URL to the app with Heroku's command line (`heroku webhooks:add`) or API, and give it the secret.",
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:heroku-webhook-hmac-sha256'], enc: 'base64' },
      signed: '{body}',
      event: 'json:action',
      dedup: 'json:webhook_metadata.delivery.id',
    },
  },
  {
    name: 'cloudflare',
    title: 'Cloudflare notifications',
    docs: 'https://developers.cloudflare.com/notifications/get-started/configure-webhooks/',
    certainty: 'C',
    setup: 'In the dashboard under Notifications: add a webhook as destination, with the URL and the secret.',
    notSigned: NOTHING_BUT_TOKEN,
    scheme: { scheme: 'token', at: 'header:cf-webhook-auth', event: 'json:alert_type' },
  },
  {
    name: 'sentry',
    title: 'Sentry',
    docs: 'https://docs.sentry.io/organization/integrations/integration-platform/webhooks/',
    certainty: 'B',
    setup:
      'In the settings of your internal or public integration: the URL goes into Webhook URL. The client secret of the integration is the secret.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:sentry-hook-signature'], enc: 'hex' },
      signed: '{body}',
      event: 'header:sentry-hook-resource',
      dedup: 'header:request-id',
    },
  },
  {
    name: 'pagerduty',
    title: 'PagerDuty',
    docs: 'https://developer.pagerduty.com/docs/verifying-webhook-signatures',
    certainty: 'B',
    setup:
      'Create a generic webhook subscription (version 3) with the URL. PagerDuty shows the secret once, when the subscription is made. Paste it as it is: it is used as text.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-pagerduty-signature'], list: ',', kv: '=', take: 'v1', enc: 'hex' },
      signed: '{body}',
      event: 'json:event.event_type',
      dedup: 'header:x-webhook-id',
    },
  },
  {
    name: 'incident.io',
    title: 'incident.io',
    aliasOf: 'svix',
    certainty: 'A',
    setup:
      'In the settings, under Webhooks: create an endpoint with the URL. Its signing secret, `whsec_…`, is the secret.',
    scheme: SVIX,
  },
  {
    name: 'datadog',
    title: 'Datadog',
    certainty: 'B',
    setup:
      'In the Webhooks integration: add a webhook with the URL, and user name and password of the secret by Basic authentication. Put `$ID` into the payload if you want to tell repetitions apart.',
    notSigned: NOTHING_BUT_PASSWORD,
    scheme: { scheme: 'basic' },
  },
  {
    name: 'grafana',
    title: 'Grafana Alerting',
    docs: 'https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/#hmac-signature',
    certainty: 'A',
    setup:
      'Add a contact point of type webhook with the URL, and in its HMAC signature settings the secret; leave the timestamp header empty. With a timestamp header use `grafana-timestamp`, which stops replays.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-grafana-alerting-signature'], enc: 'hex' },
      signed: '{body}',
      event: 'json:status',
    },
  },
  {
    name: 'grafana-timestamp',
    title: 'Grafana Alerting (with a timestamp header)',
    docs: 'https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/#hmac-signature',
    certainty: 'A',
    setup:
      'Add a contact point of type webhook with the URL, and in its HMAC signature settings the secret, and `X-Grafana-Alerting-Timestamp` as timestamp header.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-grafana-alerting-signature'], enc: 'hex' },
      ts: { from: 'header:x-grafana-alerting-timestamp', unit: 's', tolerance: 300 },
      signed: '{ts}:{body}',
      event: 'json:status',
    },
  },
  {
    name: 'alertmanager',
    title: 'Prometheus Alertmanager',
    certainty: 'A',
    setup:
      "In a receiver's `webhook_configs`: the URL as `url`, and the secret as bearer token under `http_config.authorization.credentials`, or better in a file.",
    notSigned: NOTHING_BUT_TOKEN,
    scheme: { scheme: 'token', at: 'header:authorization', prefix: 'Bearer ', event: 'json:status' },
  },
  {
    name: 'launchdarkly',
    title: 'LaunchDarkly',
    certainty: 'C',
    setup:
      'Under Integrations: add a webhook with the URL, and have it signed. The secret that is shown there is the secret.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-ld-signature'], enc: 'hex' },
      signed: '{body}',
      event: 'json:kind',
      dedup: 'json:_id',
    },
  },
  {
    name: 'snyk',
    title: 'Snyk',
    certainty: 'C',
    setup:
      "Create the webhook through Snyk's API, with the URL and a secret of your own; the same one is the secret here.",
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-hub-signature'], enc: 'hex', prefix: 'sha256=' },
      signed: '{body}',
      event: 'header:x-snyk-event',
      dedup: 'header:x-snyk-transport-id',
    },
  },
  {
    name: 'doppler',
    title: 'Doppler',
    certainty: 'C',
    setup: 'In the settings of the project, under Webhooks: add one with the URL and the secret.',
    scheme: {
      scheme: 'hmac',
      hash: 'sha256',
      sig: { from: ['header:x-doppler-signature'], enc: 'hex', prefix: 'sha256=' },
      signed: '{body}',
    },
  },
]
