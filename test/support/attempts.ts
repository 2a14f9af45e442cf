import type { AcceptedAttempt, RejectedAttempt } from '../../src/core/attempt.ts'
import { newRequestId } from '../../src/core/request-id.ts'

/** An attempt as the receiver hands it to the store. */
export function acceptedAttempt(change: Partial<AcceptedAttempt> = {}): AcceptedAttempt {
  const body = change.body ?? Buffer.from('{"zen":"Design for failure."}')
  return {
    id: newRequestId(),
    triggerId: '1',
    triggerRef: 'test.intake',
    webhookKey: `wh_${'0'.repeat(32)}`,
    sourceIp: '203.0.113.7',
    userAgent: 'test',
    payloadSizeBytes: body.byteLength,
    headers: [['content-type', 'application/json']],
    hmacVerified: true,
    verifiedBy: 'default',
    outcome: null,
    rateLimited: false,
    ipAllowed: null,
    startedAtMs: performance.now(),
    contentType: 'application/json',
    rateLimitCount: null,
    ...change,
    body,
  }
}

export function rejectedAttempt(change: Partial<RejectedAttempt> = {}): RejectedAttempt {
  const { contentType: _contentType, body: _body, rateLimitCount: _count, ...record } = acceptedAttempt()
  return {
    ...record,
    hmacVerified: false,
    verifiedBy: null,
    statusCode: 401,
    errorCode: 'signature_invalid',
    errorMessage: 'the digest does not match',
    elapsedMs: 1,
    ...change,
  }
}
