import type { Samples } from './sample.ts'

/** Payments and commerce. */
export const PAYMENTS_SAMPLES: Samples = {
  stripe: {
    json: {
      id: 'evt_{uuid}',
      object: 'event',
      api_version: '2025-09-30',
      created: '{unix}',
      type: 'invoice.paid',
      livemode: false,
      data: {
        object: { id: 'in_example', object: 'invoice', amount_paid: 4200, currency: 'eur', status: 'paid' },
      },
    },
  },
  shopify: {
    headers: {
      'X-Shopify-Topic': 'orders/create',
      'X-Shopify-Shop-Domain': 'example.myshopify.com',
      'X-Shopify-Webhook-Id': '{uuid}',
      'X-Shopify-API-Version': '2026-01',
    },
    json: {
      id: 820982911946154,
      name: '#1001',
      currency: 'EUR',
      total_price: '42.00',
      created_at: '{iso}',
      line_items: [{ title: 'Notebook', quantity: 2, price: '21.00' }],
    },
  },
  'shopify-events': {
    headers: { 'Shopify-Topic': 'Product', 'Shopify-Webhook-Id': '{uuid}' },
    json: { id: 'gid://shopify/Product/1', title: 'Notebook', updated_at: '{iso}' },
  },
  square: {
    json: {
      merchant_id: 'ML_EXAMPLE',
      type: 'payment.updated',
      event_id: '{uuid}',
      created_at: '{iso}',
      data: { type: 'payment', object: { payment: { amount_money: { amount: 4200, currency: 'EUR' } } } },
    },
  },
  paypal: {
    headers: { 'PayPal-Transmission-Id': '{uuid}', 'PayPal-Transmission-Time': '{iso}' },
    json: {
      id: 'WH-{uuid}',
      event_type: 'PAYMENT.CAPTURE.COMPLETED',
      resource_type: 'capture',
      create_time: '{iso}',
      resource: {
        id: '42311647XV020574X',
        amount: { currency_code: 'EUR', value: '42.00' },
        status: 'COMPLETED',
      },
    },
  },
  'adyen-standard': {
    json: {
      live: 'false',
      notificationItems: [
        {
          NotificationRequestItem: {
            additionalData: {},
            amount: { currency: 'EUR', value: 4200 },
            pspReference: 'QFQTPCQ8HXSKGK82',
            eventCode: 'AUTHORISATION',
            eventDate: '{iso}',
            merchantAccountCode: 'ExampleShop',
            merchantReference: 'order-1001',
            success: 'true',
          },
        },
      ],
    },
  },
  'adyen-platform': {
    json: {
      type: 'balancePlatform.transfer.created',
      environment: 'test',
      data: { id: '{uuid}', status: 'received' },
    },
  },
  paddle: {
    json: {
      event_id: 'evt_{uuid}',
      event_type: 'transaction.completed',
      occurred_at: '{iso}',
      data: {
        id: 'txn_example',
        status: 'completed',
        currency_code: 'EUR',
        details: { totals: { total: '4200' } },
      },
    },
  },
  lemonsqueezy: {
    headers: { 'X-Event-Name': 'order_created' },
    json: {
      meta: { event_name: 'order_created' },
      data: { type: 'orders', id: '1', attributes: { total: 4200, currency: 'EUR', status: 'paid' } },
    },
  },
  razorpay: {
    headers: { 'X-Razorpay-Event-Id': '{uuid}' },
    json: {
      entity: 'event',
      event: 'payment.captured',
      contains: ['payment'],
      payload: {
        payment: { entity: { id: 'pay_example', amount: 4200, currency: 'INR', status: 'captured' } },
      },
      created_at: '{unix}',
    },
  },
  'coinbase-commerce': {
    json: { id: '{uuid}', event: { id: '{uuid}', type: 'charge:confirmed', data: { code: 'EXAMPLE1' } } },
  },
  gocardless: {
    json: {
      events: [
        { id: 'EV_{uuid}', resource_type: 'payments', action: 'confirmed', links: { payment: 'PM_EXAMPLE' } },
      ],
      meta: { webhook_id: 'WB_{uuid}' },
    },
  },
  braintree: {
    form: {
      bt_payload: 'PG5vdGlmaWNhdGlvbj48a2luZD5jaGVjazwva2luZD48L25vdGlmaWNhdGlvbj4=\n',
    },
  },
  chargebee: {
    json: {
      id: 'ev_{uuid}',
      occurred_at: '{unix}',
      event_type: 'payment_succeeded',
      content: { customer: { id: 'c1' } },
    },
  },
  woocommerce: {
    headers: {
      'X-WC-Webhook-Topic': 'order.created',
      'X-WC-Webhook-Resource': 'order',
      'X-WC-Webhook-Event': 'created',
      'X-WC-Webhook-Source': 'https://shop.example.test/',
      'X-WC-Webhook-ID': '1',
      'X-WC-Webhook-Delivery-ID': '{uuid}',
    },
    json: { id: 1001, status: 'processing', currency: 'EUR', total: '42.00', date_created: '{iso}' },
  },
  quickbooks: {
    json: {
      eventNotifications: [
        {
          realmId: '1185883450',
          dataChangeEvent: {
            entities: [{ name: 'Customer', id: '1', operation: 'Create', lastUpdated: '{iso}' }],
          },
        },
      ],
    },
  },
  xero: {
    json: {
      events: [
        { resourceId: '{uuid}', eventCategory: 'CONTACT', eventType: 'UPDATE', eventDateUtc: '{iso}' },
      ],
      firstEventSequence: 1,
      lastEventSequence: 1,
    },
  },
  plaid: {
    json: { webhook_type: 'TRANSACTIONS', webhook_code: 'SYNC_UPDATES_AVAILABLE', item_id: 'item-example' },
  },
}
