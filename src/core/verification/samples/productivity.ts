import type { Samples } from './sample.ts'

const BOUNDARY = 'attune-sample'

/** Productivity, CRM, forms, documents; identity and cloud. */
export const PRODUCTIVITY_SAMPLES: Samples = {
  linear: {
    headers: { 'Linear-Event': 'Issue', 'Linear-Delivery': '{uuid}' },
    json: {
      action: 'create',
      type: 'Issue',
      createdAt: '{iso}',
      data: { id: '{uuid}', title: 'Checkout is slow', priority: 2 },
      webhookTimestamp: 0,
    },
  },
  jira: {
    headers: { 'X-Atlassian-Webhook-Identifier': '{uuid}' },
    json: {
      timestamp: '{unix}',
      webhookEvent: 'jira:issue_created',
      issue: { id: '10001', key: 'SHOP-1', fields: { summary: 'Checkout is slow' } },
    },
  },
  'atlassian-connect': {
    json: { webhookEvent: 'jira:issue_updated', timestamp: '{unix}', issue: { key: 'SHOP-1' } },
  },
  asana: {
    json: {
      events: [{ action: 'changed', created_at: '{iso}', resource: { gid: '1', resource_type: 'task' } }],
    },
  },
  trello: {
    json: {
      action: {
        id: '{uuid}',
        type: 'createCard',
        date: '{iso}',
        data: { card: { name: 'Checkout is slow' } },
      },
      model: { id: '1', name: 'Shop' },
    },
  },
  notion: {
    json: {
      id: '{uuid}',
      timestamp: '{iso}',
      type: 'page.content_updated',
      entity: { id: '{uuid}', type: 'page' },
      attempt_number: 1,
    },
  },
  airtable: { json: { base: { id: 'appExample' }, webhook: { id: 'achExample' }, timestamp: '{iso}' } },
  monday: {
    json: { event: { type: 'create_pulse', boardId: 1, pulseId: 2, pulseName: 'Checkout is slow' } },
  },
  figma: { json: { event_type: 'FILE_UPDATE', file_key: 'example', timestamp: '{iso}', webhook_id: '22' } },
  typeform: {
    json: {
      event_id: '{uuid}',
      event_type: 'form_response',
      form_response: {
        form_id: 'lT4Z3j',
        submitted_at: '{iso}',
        answers: [{ type: 'boolean', boolean: true }],
      },
    },
  },
  calendly: {
    json: {
      event: 'invitee.created',
      created_at: '{iso}',
      payload: { name: 'Some One', email: 'someone@example.test', status: 'active' },
    },
  },
  'cal-com': {
    json: { triggerEvent: 'BOOKING_CREATED', createdAt: '{iso}', payload: { title: 'Demo', uid: '{uuid}' } },
  },
  docusign: {
    json: { event: 'envelope-completed', generatedDateTime: '{iso}', data: { envelopeId: '{uuid}' } },
  },
  'dropbox-sign': {
    text: {
      contentType: `multipart/form-data; boundary=${BOUNDARY}`,
      body: [
        `--${BOUNDARY}`,
        'Content-Disposition: form-data; name="json"',
        '',
        '{"event":{"event_time":"{unix}","event_type":"signature_request_sent","event_hash":""}}',
        `--${BOUNDARY}--`,
        '',
      ].join('\r\n'),
    },
  },
  dropbox: { json: { list_folder: { accounts: ['dbid:example'] }, delta: { users: [1] } } },
  box: {
    headers: { 'Box-Delivery-Id': '{uuid}' },
    json: {
      type: 'webhook_event',
      id: '{uuid}',
      trigger: 'FILE.UPLOADED',
      source: { id: '1', type: 'file' },
    },
  },
  zendesk: {
    headers: { 'X-Zendesk-Webhook-Invocation-Id': '{uuid}' },
    json: {
      id: '{uuid}',
      type: 'zen:event-type:ticket.created',
      time: '{iso}',
      detail: { id: '1', subject: 'Hello' },
    },
  },
  'hubspot-v3': {
    json: [
      {
        eventId: '{unix}',
        subscriptionId: 1,
        portalId: 62515,
        occurredAt: '{unix}',
        subscriptionType: 'contact.creation',
        objectId: 123,
      },
    ],
  },
  webflow: { json: { triggerType: 'form_submission', payload: { name: 'Contact', submittedAt: '{iso}' } } },
  contentful: {
    contentType: 'application/vnd.contentful.management.v1+json',
    headers: { 'X-Contentful-Topic': 'ContentManagement.Entry.publish' },
    json: {
      sys: { type: 'Entry', id: 'example', updatedAt: '{iso}' },
      fields: { title: { 'en-US': 'Hello' } },
    },
  },
  mux: {
    json: {
      id: '{uuid}',
      type: 'video.asset.ready',
      created_at: '{iso}',
      data: { id: 'example', status: 'ready' },
    },
  },
  clerk: {
    json: { object: 'event', type: 'user.created', data: { id: 'user_example', first_name: 'Someone' } },
  },
  openai: {
    json: {
      id: 'evt_{uuid}',
      object: 'event',
      created_at: '{unix}',
      type: 'response.completed',
      data: { id: 'resp_example' },
    },
  },
  okta: {
    json: {
      eventId: '{uuid}',
      eventType: 'com.okta.event_hook',
      eventTime: '{iso}',
      data: { events: [{ eventType: 'user.lifecycle.create', uuid: '{uuid}' }] },
    },
  },
  auth0: {
    contentType: 'application/cloudevents+json',
    json: {
      id: 'evt_{uuid}',
      type: 'user.created',
      time: '{iso}',
      data: { object: { user_id: 'auth0|example' } },
    },
  },
  workos: {
    json: {
      id: 'event_{uuid}',
      event: 'dsync.user.created',
      created_at: '{iso}',
      data: { id: 'directory_user_example' },
    },
  },
  'ms-graph': {
    json: {
      value: [
        {
          subscriptionId: '{uuid}',
          changeType: 'created',
          resource: 'users/someone/messages/1',
          subscriptionExpirationDateTime: '{iso}',
        },
      ],
    },
  },
  'aws-sns': {
    contentType: 'text/plain; charset=UTF-8',
    headers: { 'x-amz-sns-message-type': 'Notification', 'x-amz-sns-message-id': '{uuid}' },
    json: {
      Type: 'Notification',
      MessageId: '{uuid}',
      TopicArn: 'arn:aws:sns:eu-west-1:123456789012:orders',
      Message: 'Hello',
      Timestamp: '{iso}',
    },
  },
  'azure-event-grid': {
    headers: { 'aeg-event-type': 'Notification' },
    json: [
      {
        id: '{uuid}',
        eventType: 'Microsoft.Storage.BlobCreated',
        subject: '/blobs/example.txt',
        eventTime: '{iso}',
        dataVersion: '1',
      },
    ],
  },
  cloudevents: {
    headers: {
      'ce-specversion': '1.0',
      'ce-type': 'test.example.order.created',
      'ce-source': '/shop',
      'ce-id': '{uuid}',
    },
    json: { order: 1001, total: 42 },
  },
}
