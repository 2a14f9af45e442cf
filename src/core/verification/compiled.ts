import { type Place, parsePlace } from './place.ts'
import { findPreset } from './presets/index.ts'
import type { Scheme } from './scheme.ts'
import { type CompiledSig, compileSig } from './signatures.ts'
import { compileText, configurationIn, coversOnlyForms, type Text } from './text.ts'

/** A scheme with its texts and places taken apart, so that a request costs only what it has to. Made once and kept. */
export interface CompiledScheme {
  readonly scheme: Scheme
  readonly sig: CompiledSig | null
  readonly alt: readonly { readonly sig: CompiledSig; readonly keyFrom: string }[]
  /** Candidates for what is signed; any of them will do. */
  readonly signed: readonly Text[]
  readonly signedForm: readonly Text[] | null
  readonly id: Place | null
  /** `sig` places read the items of the signature. */
  readonly timestamp: Place | null
  readonly at: Place | null
  readonly token: Place | null
  readonly certUrl: Place | null
  readonly bodyJson: Place | null
  readonly bodyHash: Place | null
  readonly event: Place | null
  readonly duplicateId: Place | null
  readonly each: readonly string[] | null
  readonly item: readonly string[]
  readonly required: readonly { readonly place: Place; readonly ref: string; readonly value: Text }[]
  readonly claims: readonly { readonly name: string; readonly values: readonly Text[] }[]
  /** Names in the configuration without which a text of the scheme means nothing. */
  readonly configuration: readonly string[]
  readonly coversOnlyForms: boolean
  /** Judges requests that have none of this scheme's signatures. */
  readonly fallback: CompiledScheme | null
  /** The raw body under an HMAC, in one header: what most senders do, and what costs nothing beyond it. */
  readonly isPlain: boolean
}

/** @param scheme - a preset's, or one that `parseScheme` has accepted */
export function compileScheme(scheme: Scheme): CompiledScheme {
  const place = (ref: string | undefined): Place | null => (ref === undefined ? null : parsePlace(ref))
  const sig = scheme.sig === undefined ? null : compileSig(scheme.sig)
  const signed = [scheme.signed, scheme.retryWith].flatMap((text) =>
    text === undefined ? [] : [compileText(text)],
  )
  const required = Object.entries(scheme.require ?? {}).flatMap(([ref, value]) => {
    const found = place(ref)
    return found === null ? [] : [{ place: found, ref, value: compileText(value) }]
  })
  const claims = Object.entries(scheme.claims ?? {}).map(([name, values]) => ({
    name,
    values: [values].flat().map(compileText),
  }))
  const fallback = scheme.fallback === undefined ? null : (findPreset(scheme.fallback)?.scheme ?? null)
  const texts = [...signed, ...required.map(({ value }) => value), ...claims.flatMap(({ values }) => values)]
  if (sig?.take) texts.push(sig.take)
  return {
    scheme,
    sig,
    alt: (scheme.alt ?? []).map(({ sig: record, keyFrom }) => ({ sig: compileSig(record), keyFrom })),
    signed: hubspotVariants(scheme.signed).concat(signed.slice(scheme.signed === undefined ? 0 : 1)),
    signedForm: scheme.signedForm === undefined ? null : [compileText(scheme.signedForm)],
    id: place(scheme.id),
    timestamp: place(scheme.ts?.from),
    at: place(scheme.at),
    token: place(scheme.token),
    certUrl: place(scheme.key?.certUrl),
    bodyJson: place(scheme.bodyJson),
    bodyHash: place(scheme.bodyHash?.from),
    event: place(scheme.event),
    duplicateId: place(scheme.dedup),
    each: scheme.each === undefined ? null : scheme.each.split('.'),
    item: scheme.item === undefined ? [] : scheme.item.split('.'),
    required,
    claims,
    configuration: [...new Set(texts.flatMap(configurationIn))],
    coversOnlyForms: coversOnlyForms(scheme),
    fallback: fallback === null ? null : compileScheme(fallback),
    isPlain: isPlain(scheme),
  }
}

/** HubSpot's page says that it decodes some escapes before it signs, and its library does not: either is taken. */
function hubspotVariants(signed: string | undefined): readonly Text[] {
  if (signed === undefined) return []
  return signed.includes('{url:hubspot}')
    ? [compileText(signed), compileText(signed.replaceAll('{url:hubspot}', '{url}'))]
    : [compileText(signed)]
}

const PLAIN_FIELDS: ReadonlySet<string> = new Set([
  'scheme',
  'hash',
  'key',
  'sig',
  'signed',
  'event',
  'dedup',
  'handshake',
])

const isPlain = (scheme: Scheme): boolean =>
  scheme.scheme === 'hmac' &&
  scheme.signed === '{body}' &&
  Object.keys(scheme).every((name) => PLAIN_FIELDS.has(name))
