import type { SampleRequest } from '../../preview.ts'
import { withJson } from '../draft.ts'
import { parsePlace } from '../place.ts'
import type { Preset } from '../presets/preset.ts'
import { coversOnlyForms } from '../text.ts'
import { HOSTING_SAMPLES } from './hosting.ts'
import { MESSAGING_SAMPLES } from './messaging.ts'
import { PAYMENTS_SAMPLES } from './payments.ts'
import { PRODUCTIVITY_SAMPLES } from './productivity.ts'
import type { Sample, Samples } from './sample.ts'

const SAMPLES: Samples = {
  ...HOSTING_SAMPLES,
  ...PAYMENTS_SAMPLES,
  ...MESSAGING_SAMPLES,
  ...PRODUCTIVITY_SAMPLES,
}

/** Senders whose sample is their own; all others have a plain one. */
export const SAMPLED_SENDERS: readonly string[] = Object.keys(SAMPLES)

export interface SampleMoment {
  readonly nowMs: number
  /** A UUID that was never used before. */
  readonly newId: string
}

/** A request such as the sender of a scheme makes, without its proof. */
export function sampleRequest(preset: Preset, moment: SampleMoment): SampleRequest {
  const own = Object.hasOwn(SAMPLES, preset.name) ? SAMPLES[preset.name] : undefined
  const sample = own ?? plainSample(preset)
  const { contentType, body } = contentOf(sample)
  return {
    title:
      own === undefined ? `A plain request for ${preset.title}` : `A request as ${preset.title} sends it`,
    content_type: contentType,
    headers: Object.entries(sample.headers ?? {}).map(([name, value]) => [name, filled(value, moment)]),
    body: filled(body, moment),
  }
}

const FORM = 'application/x-www-form-urlencoded'

function contentOf({ json, form, text, contentType }: Sample): { contentType: string; body: string } {
  if (text !== undefined) return text
  if (form !== undefined) {
    // Written by hand, so that a placeholder in a value stays one.
    const fields = Object.entries(form).map(([name, value]) => `${name}=${encoded(value)}`)
    return { contentType: FORM, body: fields.join('&') }
  }
  return { contentType: contentType ?? 'application/json', body: JSON.stringify(json, null, 2) }
}

const encoded = (value: string): string => (/^\{\w+\}$/.test(value) ? value : encodeURIComponent(value))

function filled(text: string, { nowMs, newId }: SampleMoment): string {
  const unix = String(Math.floor(nowMs / 1_000))
  return text
    .replaceAll('"{unix}"', unix)
    .replaceAll('{unix}', unix)
    .replaceAll('{iso}', new Date(nowMs).toISOString())
    .replaceAll('{uuid}', newId)
}

/** For a sender of which no more is known than where the name of an event is. */
function plainSample({ scheme }: Preset): Sample {
  if (coversOnlyForms(scheme)) return { form: { test: 'true', id: '{uuid}' } }
  const json = { test: true, id: '{uuid}', sent_at: '{iso}' }
  const place = scheme.event === undefined ? null : parsePlace(scheme.event)
  if (place?.source === 'header') return { headers: { [place.name]: 'test' }, json }
  if (place?.source !== 'json') return { json }
  return { json: JSON.parse(withJson(JSON.stringify(json), place.path, 'test')) }
}
