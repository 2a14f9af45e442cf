/** A piece of a text: as it stands, or what the sample has computed. */
export type Part = { readonly text: string } | { readonly value: Value }

/** `basic` is the secret, `user:password`, as Basic authentication writes it. */
export type Value = 'body' | 'id' | 'ts' | 'signature' | 'secret' | 'basic'

/** What a sender has to do, in no language yet. */
export interface Recipe {
  readonly url: string
  /** `null`: nothing is signed. */
  readonly signature: {
    readonly hash: 'sha1' | 'sha256' | 'sha512'
    readonly key: { readonly encoding: 'utf8' | 'base64' | 'hex'; readonly strip: string }
    readonly encoding: 'hex' | 'base64' | 'base64url'
    readonly signed: readonly Part[]
  } | null
  readonly timeUnit: 's' | 'ms' | 'iso' | null
  readonly hasId: boolean
  readonly hasSecret: boolean
  /** Beside the content type. */
  readonly headers: readonly { readonly name: string; readonly value: readonly Part[] }[]
  /** The parameter of the URL that carries the secret, as it is written in a URL. */
  readonly queryParameter: string | null
}

/** The environment variable that the samples read the secret from; no sample has it in its text. */
export const SECRET_VARIABLE = 'WEBHOOK_SECRET'

/** What every sample sends. */
export const SAMPLE_BODY = '{"hello":"world"}'

/** The fields of a scheme that samples are made from; it may be one of the operator's own. */
interface SchemeRecord {
  readonly scheme?: string
  readonly hash?: 'sha1' | 'sha256' | 'sha512'
  readonly key?: {
    readonly enc?: string
    readonly strip?: string
    readonly textWithoutPrefix?: boolean
    readonly digest?: string
    readonly htmlEntities?: boolean
  }
  readonly sig?: {
    readonly from: readonly string[]
    readonly prefix?: string
    readonly list?: string
    readonly kv?: string
    readonly take?: string
    readonly enc: 'hex' | 'base64' | 'base64url'
  }
  readonly ts?: { readonly from: string; readonly unit: 's' | 'ms' | 'iso' }
  readonly id?: string
  readonly signed?: string
  readonly each?: string
  readonly bodyJson?: string
  readonly require?: Readonly<Record<string, string>>
  readonly at?: string
  readonly prefix?: string
}

/**
 * What a request has to have under a scheme.
 *
 * @param algorithm - of the generic scheme, which has it in the settings of the trigger
 * @returns `null` for a scheme that few lines cannot sign for: by a private key, over the URL, with fields of the body
 */
export function recipeOf(
  scheme: Readonly<Record<string, unknown>>,
  { url, algorithm }: { readonly url: string; readonly algorithm: 'sha1' | 'sha256' | 'sha512' },
): Recipe | null {
  const record = scheme as SchemeRecord
  const plain: Recipe = {
    url,
    signature: null,
    timeUnit: null,
    hasId: false,
    hasSecret: true,
    headers: [],
    queryParameter: null,
  }
  switch (record.scheme) {
    case 'none':
      return { ...plain, hasSecret: false }
    case 'generic':
      return {
        ...plain,
        signature: {
          hash: algorithm,
          key: { encoding: 'utf8', strip: '' },
          encoding: 'hex',
          signed: [{ value: 'body' }],
        },
        headers: [header('x-webhook-signature', { text: `${algorithm}=` }, { value: 'signature' })],
      }
    case 'basic':
      return { ...plain, headers: [header('authorization', { text: 'Basic ' }, { value: 'basic' })] }
    case 'token':
      return tokenRecipe(plain, record)
    case 'hmac':
      return hmacRecipe(plain, record)
    default:
      return null
  }
}

function tokenRecipe(plain: Recipe, { at = '', prefix = '' }: SchemeRecord): Recipe | null {
  const [, source, name = ''] = /^(header|query):(.+)$/.exec(at) ?? []
  if (source === 'query') return { ...plain, queryParameter: encodeURIComponent(name) }
  if (source === 'header') return { ...plain, headers: [header(name, { text: prefix }, { value: 'secret' })] }
  return null
}

function hmacRecipe(plain: Recipe, record: SchemeRecord): Recipe | null {
  const { hash, key = {}, sig, ts, id, each, bodyJson } = record
  const encoding = key.enc ?? 'utf8'
  const isSpecial = [key.textWithoutPrefix, key.digest, key.htmlEntities, each, bodyJson].some(Boolean)
  const signed = partsOf(record.signed ?? '')
  const at = headerIn(sig?.from[0])
  const time = ts === undefined ? undefined : (headerIn(ts.from) ?? ts.from)
  const idAt = id === undefined ? undefined : headerIn(id)
  const required = Object.entries(record.require ?? {}).map(
    ([place, text]) => [headerIn(place), text] as const,
  )
  if (hash === undefined || sig === undefined || isSpecial || signed === null) return null
  if (encoding !== 'utf8' && encoding !== 'base64' && encoding !== 'hex') return null
  if (at === null || idAt === null || sig.take?.includes('{')) return null
  if (time?.includes(':') && !time.startsWith('sig:')) return null
  if (required.some(([name, text]) => name === null || text.includes('{'))) return null
  return {
    ...plain,
    signature: { hash, key: { encoding, strip: key.strip ?? '' }, encoding: sig.enc, signed },
    timeUnit: ts?.unit ?? null,
    hasId: idAt !== undefined,
    headers: [
      ...required.map(([name, text]) => header(name ?? '', { text })),
      ...(idAt === undefined ? [] : [header(idAt, { value: 'id' })]),
      ...(time === undefined || time.startsWith('sig:') ? [] : [header(time, { value: 'ts' })]),
      header(at, ...signatureParts(sig, time)),
    ],
  }
}

/** `sha256=…`, `t=…,v1=…` or `v1,…`, whichever the sender writes. */
function signatureParts(sig: NonNullable<SchemeRecord['sig']>, time: string | undefined): readonly Part[] {
  const { list = '', kv = '', take } = sig
  const isInside = time?.startsWith('sig:') === true
  return [
    ...(isInside
      ? [{ text: `${time.slice('sig:'.length)}${kv}` }, { value: 'ts' } as const, { text: list }]
      : []),
    { text: `${sig.prefix ?? ''}${take === undefined ? '' : `${take}${kv}`}` },
    { value: 'signature' },
  ]
}

/** The text of `signed`, where nothing but body, id and time is put in. */
function partsOf(text: string): readonly Part[] | null {
  const parts = text
    .split(/\{(body|id|ts)\}/)
    .map((piece, index): Part => (index % 2 === 1 ? { value: piece as Value } : { text: piece }))
    .filter((part) => !('text' in part) || part.text !== '')
  const isKnown = parts.every((part) => !('text' in part) || !/[{}]/.test(part.text))
  return isKnown && parts.length > 0 ? parts : null
}

/** The name of a header, or `null` for any other place. */
const headerIn = (place: string | undefined): string | null =>
  /^header:([^*]+)$/.exec(place ?? '')?.[1] ?? null

const header = (name: string, ...value: readonly Part[]): Recipe['headers'][number] => ({
  name: name.replaceAll(/(^|-)[a-z]/g, (letters) => letters.toUpperCase()),
  value: merged(value),
})

/** Neighbouring texts as one, and none that is empty. */
export const merged = (parts: readonly Part[]): readonly Part[] => {
  const all: Part[] = []
  for (const part of parts) {
    const last = all.at(-1)
    if ('text' in part && part.text === '') continue
    if (last !== undefined && 'text' in last && 'text' in part)
      all[all.length - 1] = { text: last.text + part.text }
    else all.push(part)
  }
  return all
}
