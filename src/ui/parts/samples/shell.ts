import { type Part, type Recipe, SAMPLE_BODY, SECRET_VARIABLE } from './recipe.ts'

const VARIABLES = {
  body: `\${body}`,
  id: `\${id}`,
  ts: `\${ts}`,
  signature: `\${signature}`,
  secret: `\${${SECRET_VARIABLE}}`,
  basic: `\${credentials}`,
} as const

const quote = (parts: readonly Part[]): string =>
  `"${parts.map((part) => ('text' in part ? part.text.replaceAll(/["$`\\]/g, '\\$&') : VARIABLES[part.value])).join('')}"`

const single = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

const TIMES = {
  s: 'ts=$(date +%s)',
  ms: 'ts=$(date +%s)000',
  iso: 'ts=$(date -u +%Y-%m-%dT%H:%M:%SZ)',
} as const

/** Every byte as a URL can have it: no shell knows which of them need it. */
const PARAMETER = [
  `parameter=$(printf '%s' "$${SECRET_VARIABLE}" |`,
  "  od -An -vtx1 | tr -d ' \\n' | sed 's/../%&/g')",
] as const

/** Commands for a POSIX shell with curl and OpenSSL. */
export function shellSample(recipe: Recipe): string {
  const { url, signature, timeUnit, hasId, hasSecret, headers, queryParameter } = recipe
  const isBasic = headers.some(({ value }) => value.some((part) => 'value' in part && part.value === 'basic'))
  const target =
    queryParameter === null
      ? single(url)
      : `${quote([{ text: `${url}?${queryParameter}=` }]).slice(0, -1)}\${parameter}"`
  return [
    ...(hasSecret
      ? [`# First:  read -rs ${SECRET_VARIABLE}; export ${SECRET_VARIABLE}   (and paste the secret)`]
      : []),
    `body=${single(SAMPLE_BODY)}`,
    ...(hasId ? ['id="msg_$(openssl rand -hex 12)"'] : []),
    ...(timeUnit === null ? [] : [TIMES[timeUnit]]),
    ...(signature === null ? [] : signing(signature)),
    ...(queryParameter === null ? [] : PARAMETER),
    ...(isBasic ? [`credentials=$(printf '%s' "$${SECRET_VARIABLE}" | openssl base64 -A)`] : []),
    '',
    `curl -i ${target} \\`,
    "  -H 'Content-Type: application/json' \\",
    ...headers.map(({ name, value }) => `  -H ${quote([{ text: `${name}: ` }, ...value])} \\`),
    '  --data-binary "$body"',
  ].join('\n')
}

function signing({ hash, key, encoding, signed }: NonNullable<Recipe['signature']>): readonly string[] {
  const secret =
    key.strip === ''
      ? `$${SECRET_VARIABLE}`
      : `\${${SECRET_VARIABLE}#${key.strip.replaceAll(/[^\w-]/g, '\\$&')}}`
  const before =
    key.encoding === 'base64'
      ? [`key=$(printf '%s' "${secret}" | openssl base64 -d -A | od -An -vtx1 | tr -d ' \\n')`]
      : key.encoding === 'hex'
        ? [`key="${secret}"`]
        : []
  const mac = key.encoding === 'utf8' ? `-hmac "${secret}"` : '-mac HMAC -macopt "hexkey:$key"'
  const digest = `openssl dgst -${hash} ${mac}`
  const written = {
    hex: `${digest} -r | cut -d' ' -f1`,
    base64: `${digest} -binary | openssl base64 -A`,
    base64url: `${digest} -binary | openssl base64 -A | tr '+/' '-_' | tr -d '='`,
  }[encoding]
  return [...before, `signature=$(printf '%s' ${quote(signed)} |`, `  ${written})`]
}
