import { concatenated, literal } from './quoting.ts'
import { type Recipe, SECRET_VARIABLE } from './recipe.ts'

const NAMES = {
  body: 'body',
  id: 'id',
  ts: 'ts',
  signature: 'signature',
  secret: 'secret',
  basic: 'base64.b64encode(secret.encode()).decode()',
} as const

const TIMES = {
  s: 'str(int(time.time()))',
  ms: 'str(int(time.time() * 1000))',
  iso: 'time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())',
} as const

const quote = (text: string): string => literal(text, '"')

/** For Python 3.9 or newer, without packages. */
export function pythonSample(recipe: Recipe): string {
  const { url, signature, timeUnit, hasId, hasSecret, headers, queryParameter } = recipe
  const lines = [
    ...(hasSecret ? [`secret = os.environ["${SECRET_VARIABLE}"]`] : []),
    queryParameter === null
      ? `url = ${quote(url)}`
      : `url = ${quote(`${url}?${queryParameter}=`)} + urllib.parse.quote(secret, safe="")`,
    'body = json.dumps({"hello": "world"})',
    ...(hasId ? ['id = "msg_" + uuid.uuid4().hex'] : []),
    ...(timeUnit === null ? [] : [`ts = ${TIMES[timeUnit]}`]),
    ...(signature === null ? [] : signing(signature)),
    '',
    'headers = {',
    '    "Content-Type": "application/json",',
    ...headers.map(({ name, value }) => `    ${quote(name)}: ${concatenated(value, NAMES, quote, ' + ')},`),
    '}',
    'request = urllib.request.Request(url, body.encode(), headers, method="POST")',
    'try:',
    '    response = urllib.request.urlopen(request)',
    'except urllib.error.HTTPError as refusal:',
    '    response = refusal',
    'print(response.status, response.read().decode())',
  ]
  const modules = ['base64', 'hashlib', 'hmac', 'json', 'os', 'time', 'urllib.error', 'urllib.parse']
  const used = [...modules, 'urllib.request', 'uuid'].filter((name) =>
    lines.some((line) => line.includes(`${name}.`)),
  )
  return ['# python3 send.py', ...used.map((name) => `import ${name}`), '', ...lines].join('\n')
}

function signing({ hash, key, encoding, signed }: NonNullable<Recipe['signature']>): readonly string[] {
  const text = key.strip === '' ? 'secret' : `secret.removeprefix(${quote(key.strip)})`
  const bytes = {
    utf8: `${text}.encode()`,
    base64: `base64.b64decode(${text})`,
    hex: `bytes.fromhex(${text})`,
  }[key.encoding]
  const digest = `hmac.new(key, signed.encode(), hashlib.${hash})`
  const written = {
    hex: `${digest}.hexdigest()`,
    base64: `base64.b64encode(${digest}.digest()).decode()`,
    base64url: `base64.urlsafe_b64encode(${digest}.digest()).decode().rstrip("=")`,
  }[encoding]
  return [`key = ${bytes}`, `signed = ${concatenated(signed, NAMES, quote, ' + ')}`, `signature = ${written}`]
}
