import { concatenated, literal } from './quoting.ts'
import { type Recipe, SECRET_VARIABLE } from './recipe.ts'

const NAMES = {
  body: 'body',
  id: 'id',
  ts: 'ts',
  signature: 'signature',
  secret: 'secret',
  basic: "Buffer.from(secret).toString('base64')",
} as const

const TIMES = {
  s: 'String(Math.floor(Date.now() / 1000))',
  ms: 'String(Date.now())',
  iso: 'new Date().toISOString()',
} as const

const quote = (text: string): string => literal(text, "'")

/** For Node.js 18 or newer, as an ES module without packages. */
export function nodeSample(recipe: Recipe): string {
  const { url, signature, timeUnit, hasId, hasSecret, headers, queryParameter } = recipe
  const imports = [...(signature === null ? [] : ['createHmac']), ...(hasId ? ['randomUUID'] : [])]
  return [
    '// node send.mjs',
    ...(imports.length === 0 ? [] : [`import { ${imports.join(', ')} } from 'node:crypto'`]),
    '',
    ...(hasSecret
      ? [
          `const secret = process.env.${SECRET_VARIABLE}`,
          `if (!secret) throw new Error('Set ${SECRET_VARIABLE}.')`,
        ]
      : []),
    queryParameter === null
      ? `const url = ${quote(url)}`
      : `const url = ${quote(`${url}?${queryParameter}=`)} + encodeURIComponent(secret)`,
    "const body = JSON.stringify({ hello: 'world' })",
    ...(hasId ? [`const id = 'msg_' + randomUUID()`] : []),
    ...(timeUnit === null ? [] : [`const ts = ${TIMES[timeUnit]}`]),
    ...(signature === null ? [] : signing(signature)),
    '',
    'const response = await fetch(url, {',
    "  method: 'POST',",
    '  headers: {',
    "    'Content-Type': 'application/json',",
    ...headers.map(({ name, value }) => `    ${quote(name)}: ${concatenated(value, NAMES, quote, ' + ')},`),
    '  },',
    '  body,',
    '})',
    'console.log(response.status, await response.text())',
  ].join('\n')
}

function signing({ hash, key, encoding, signed }: NonNullable<Recipe['signature']>): readonly string[] {
  const text =
    key.strip === ''
      ? 'secret'
      : `secret.startsWith(${quote(key.strip)}) ? secret.slice(${key.strip.length}) : secret`
  const bytes = key.encoding === 'utf8' ? text : `Buffer.from(${text}, '${key.encoding}')`
  return [
    `const key = ${bytes}`,
    `const signed = ${concatenated(signed, NAMES, quote, ' + ')}`,
    `const signature = createHmac('${hash}', key).update(signed).digest('${encoding}')`,
  ]
}
