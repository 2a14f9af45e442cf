import type { Samples } from './sample.ts'

const SMS = {
  AccountSid: 'AC00000000000000000000000000000000',
  MessageSid: 'SM00000000000000000000000000000000',
  From: '+15005550006',
  To: '+15005550009',
  Body: 'Where is my order?',
  NumMedia: '0',
}

const META_ENTRY = (object: string, field: string, value: unknown) => ({
  json: { object, entry: [{ id: '102290129340398', time: '{unix}', changes: [{ field, value }] }] },
})

/** Messaging and e-mail. */
export const MESSAGING_SAMPLES: Samples = {
  slack: {
    json: {
      token: 'not-used',
      team_id: 'T061EG9R6',
      api_app_id: 'A0FFV41KK',
      type: 'event_callback',
      event_id: 'Ev{uuid}',
      event_time: '{unix}',
      event: { type: 'app_mention', user: 'U061F7AUR', text: 'Where is my order?', channel: 'C0LAN2Q65' },
    },
  },
  discord: {
    json: {
      version: 1,
      application_id: '1234560123453231555',
      type: 1,
      event: { type: 'APPLICATION_AUTHORIZED', timestamp: '{iso}' },
    },
  },
  twilio: { headers: { 'I-Twilio-Idempotency-Token': '{uuid}' }, form: SMS },
  'plivo-v3': {
    form: { From: '15005550006', To: '15005550009', Text: 'Where is my order?', MessageUUID: '{uuid}' },
  },
  mandrill: {
    form: {
      mandrill_events:
        '[{"event":"open","ts":1767268800,"_id":"example","msg":{"email":"someone@example.test"}}]',
    },
  },
  sendgrid: {
    json: [
      {
        email: 'someone@example.test',
        timestamp: '{unix}',
        event: 'delivered',
        sg_event_id: '{uuid}',
        sg_message_id: 'example',
      },
    ],
  },
  meta: META_ENTRY('page', 'feed', { item: 'status', verb: 'add' }),
  whatsapp: META_ENTRY('whatsapp_business_account', 'messages', {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: '15005550006', phone_number_id: '106540352242922' },
    messages: [
      { from: '15005550009', id: 'wamid.{uuid}', timestamp: '{unix}', type: 'text', text: { body: 'Hello' } },
    ],
  }),
  instagram: META_ENTRY('instagram', 'comments', { id: '17865799348089039', text: 'Beautiful' }),
  messenger: {
    json: {
      object: 'page',
      entry: [
        {
          id: '102290129340398',
          time: '{unix}',
          messaging: [
            { sender: { id: '1' }, recipient: { id: '2' }, message: { mid: 'm_{uuid}', text: 'Hello' } },
          ],
        },
      ],
    },
  },
  x: {
    json: {
      for_user_id: '2244994945',
      tweet_create_events: [{ id_str: '1', text: 'Hello', timestamp_ms: '{unix}' }],
    },
  },
  line: {
    json: {
      destination: 'U00000000000000000000000000000000',
      events: [
        {
          type: 'message',
          webhookEventId: '{uuid}',
          timestamp: '{unix}',
          message: { id: '1', type: 'text', text: 'Hello' },
        },
      ],
    },
  },
  telegram: {
    json: {
      update_id: '{unix}',
      message: {
        message_id: 1,
        date: '{unix}',
        from: { id: 1, is_bot: false, first_name: 'Someone' },
        chat: { id: 1, type: 'private' },
        text: '/start',
      },
    },
  },
  twitch: {
    headers: {
      'Twitch-Eventsub-Message-Type': 'notification',
      'Twitch-Eventsub-Subscription-Type': 'channel.follow',
      'Twitch-Eventsub-Subscription-Version': '2',
    },
    json: {
      subscription: { id: '{uuid}', type: 'channel.follow', version: '2', status: 'enabled' },
      event: { user_name: 'someone', broadcaster_user_name: 'example', followed_at: '{iso}' },
    },
  },
  zoom: {
    json: {
      event: 'meeting.started',
      event_ts: '{unix}',
      payload: { account_id: 'example', object: { id: '1', topic: 'Stand-up', start_time: '{iso}' } },
    },
  },
  telnyx: {
    json: {
      data: {
        id: '{uuid}',
        event_type: 'message.received',
        occurred_at: '{iso}',
        payload: { text: 'Hello' },
      },
    },
  },
  vonage: {
    json: { message_uuid: '{uuid}', from: '15005550006', to: '15005550009', text: 'Hello', channel: 'sms' },
  },
  intercom: {
    json: {
      type: 'notification_event',
      id: 'notif_{uuid}',
      topic: 'conversation.user.created',
      created_at: '{unix}',
      data: { item: { type: 'conversation', id: '1' } },
    },
  },
  // The signature is a part of the body, and its token is good for one use.
  mailgun: {
    json: {
      signature: {},
      'event-data': {
        id: '{uuid}',
        event: 'delivered',
        timestamp: '{unix}',
        recipient: 'someone@example.test',
      },
    },
  },
  postmark: {
    json: {
      RecordType: 'Delivery',
      MessageID: '{uuid}',
      Recipient: 'someone@example.test',
      DeliveredAt: '{iso}',
    },
  },
  resend: {
    json: {
      type: 'email.delivered',
      created_at: '{iso}',
      data: { email_id: '{uuid}', to: ['someone@example.test'] },
    },
  },
  customerio: {
    json: { event_id: '{uuid}', object_type: 'email', metric: 'delivered', timestamp: '{unix}', data: {} },
  },
  pusher: {
    json: { time_ms: '{unix}', events: [{ name: 'channel_occupied', channel: 'orders' }] },
  },
  livekit: {
    contentType: 'application/webhook+json',
    json: { id: '{uuid}', event: 'room_started', createdAt: '{unix}', room: { name: 'stand-up' } },
  },
}
