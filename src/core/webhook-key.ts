/** The unguessable part of a webhook URL: `wh_` and 32 letters or digits, 190 bits. Made by the database. */
const WEBHOOK_KEY = /^wh_[A-Za-z0-9]{32}$/

/** What does not have the form of a key cannot be one, and need not be looked up. */
export const isWebhookKey = (text: string): boolean => WEBHOOK_KEY.test(text)

/** A key as it may stand in a log: enough to tell two apart, too little to use. */
export const maskWebhookKey = (key: string): string => `${key.slice(0, 7)}…`

export const webhookPath = (key: string): string => `/api/v1/webhooks/${key}`
