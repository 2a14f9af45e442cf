import type { CheckResult } from '../../../core/check.ts'
import type { WebhookEventLogRow } from '../../../core/event.ts'
import { request } from '../../api/client.ts'

export interface TestInput {
  readonly body?: string
  readonly body_base64?: string
  readonly content_type?: string
  readonly headers?: readonly (readonly [string, string])[]
  readonly sign: boolean
  /** Signed as this scheme would have it, in place of the trigger's own. */
  readonly scheme?: string
  readonly secret?: string
}

/** One line of the answer, in the order in which things happen. */
export type TestStep =
  | {
      readonly step: 'composed'
      readonly method: string
      readonly url: string
      readonly headers: readonly (readonly [string, string])[]
      readonly signed: boolean
      readonly note: string | null
    }
  | { readonly step: 'sent' }
  | {
      readonly step: 'answered'
      readonly status: number
      readonly headers: readonly (readonly [string, string])[]
      readonly body: string
      readonly elapsed_ms: number
      readonly request_id: string | null
    }
  | { readonly step: 'checks'; readonly checks: readonly CheckResult[] | null }
  | { readonly step: 'recorded'; readonly row: WebhookEventLogRow }
  | { readonly step: 'failed'; readonly problem: string }

/** Sends a test through the real receiver and hands on each step as it happens. @throws ApiError */
export async function runTest(
  ref: string,
  input: TestInput,
  onStep: (step: TestStep) => void,
  signal?: AbortSignal,
): Promise<void> {
  const response = await request(`/api/v1/triggers/${encodeURIComponent(ref)}/test`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(input),
    ...(signal !== undefined && { signal }),
  })
  let text = ''
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  for (let part = await reader?.read(); part !== undefined && !part.done; part = await reader?.read()) {
    text += part.value
    const lines = text.split('\n')
    text = lines.pop() ?? ''
    for (const line of lines) if (line !== '') onStep(JSON.parse(line))
  }
}
