import { concatenated } from './quoting.ts'
import { merged, type Recipe, SECRET_VARIABLE } from './recipe.ts'

const NAMES = {
  body: '$body',
  id: '$id',
  ts: '$ts',
  signature: '$signature',
  secret: '$secret',
  basic: 'base64_encode($secret)',
} as const

const TIMES = {
  s: '(string) time()',
  ms: '(string) (int) (microtime(true) * 1000)',
  iso: "gmdate('Y-m-d\\TH:i:s\\Z')",
} as const

/** Between single quotes PHP knows two escapes only. */
const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

/** For PHP 8, without packages. */
export function phpSample(recipe: Recipe): string {
  const { url, signature, timeUnit, hasId, hasSecret, headers, queryParameter } = recipe
  return [
    '<?php',
    '// php send.php',
    ...(hasSecret ? [`$secret = getenv('${SECRET_VARIABLE}') ?: exit("Set ${SECRET_VARIABLE}.\\n");`] : []),
    queryParameter === null
      ? `$url = ${quote(url)};`
      : `$url = ${quote(`${url}?${queryParameter}=`)} . rawurlencode($secret);`,
    "$body = json_encode(['hello' => 'world']);",
    ...(hasId ? ["$id = 'msg_' . bin2hex(random_bytes(12));"] : []),
    ...(timeUnit === null ? [] : [`$ts = ${TIMES[timeUnit]};`]),
    ...(signature === null ? [] : signing(signature)),
    '',
    "$context = stream_context_create(['http' => [",
    "    'method' => 'POST',",
    "    'header' => [",
    "        'Content-Type: application/json',",
    ...headers.map(
      ({ name, value }) =>
        `        ${concatenated(merged([{ text: `${name}: ` }, ...value]), NAMES, quote, ' . ')},`,
    ),
    '    ],',
    "    'content' => $body,",
    "    'ignore_errors' => true,",
    ']]);',
    'echo file_get_contents($url, false, $context), "\\n";',
  ].join('\n')
}

function signing({ hash, key, encoding, signed }: NonNullable<Recipe['signature']>): readonly string[] {
  const text =
    key.strip === ''
      ? '$secret'
      : `str_starts_with($secret, ${quote(key.strip)}) ? substr($secret, ${key.strip.length}) : $secret`
  const bytes = { utf8: text, base64: `base64_decode(${text})`, hex: `hex2bin(${text})` }[key.encoding]
  const raw = `hash_hmac('${hash}', ${concatenated(signed, NAMES, quote, ' . ')}, $key`
  const written = {
    hex: `${raw})`,
    base64: `base64_encode(${raw}, true))`,
    base64url: `rtrim(strtr(base64_encode(${raw}, true)), '+/', '-_'), '=')`,
  }[encoding]
  return [`$key = ${bytes};`, `$signature = ${written};`]
}
