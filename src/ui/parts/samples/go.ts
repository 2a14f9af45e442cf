import { concatenated, literal } from './quoting.ts'
import { type Recipe, SAMPLE_BODY, SECRET_VARIABLE } from './recipe.ts'

const NAMES = {
  body: 'body',
  id: 'id',
  ts: 'ts',
  signature: 'signature',
  secret: 'secret',
  basic: 'base64.StdEncoding.EncodeToString([]byte(secret))',
} as const

const TIMES = {
  s: 'strconv.FormatInt(time.Now().Unix(), 10)',
  ms: 'strconv.FormatInt(time.Now().UnixMilli(), 10)',
  iso: 'time.Now().UTC().Format(time.RFC3339)',
} as const

/** Of the standard library, by the name that the code uses. */
const PACKAGES = {
  base64: 'encoding/base64',
  fmt: 'fmt',
  hex: 'encoding/hex',
  hmac: 'crypto/hmac',
  http: 'net/http',
  io: 'io',
  log: 'log',
  os: 'os',
  rand: 'crypto/rand',
  sha1: 'crypto/sha1',
  sha256: 'crypto/sha256',
  sha512: 'crypto/sha512',
  strconv: 'strconv',
  strings: 'strings',
  time: 'time',
  url: 'net/url',
} as const

const quote = (text: string): string => literal(text, '"')

/** For Go 1.16 or newer, without modules. */
export function goSample(recipe: Recipe): string {
  const { url, signature, timeUnit, hasId, hasSecret, headers, queryParameter } = recipe
  const lines = [
    ...(hasSecret
      ? [
          `secret := os.Getenv("${SECRET_VARIABLE}")`,
          'if secret == "" {',
          `\tlog.Fatal("Set ${SECRET_VARIABLE}.")`,
          '}',
        ]
      : []),
    queryParameter === null
      ? `address := ${quote(url)}`
      : `address := ${quote(`${url}?${queryParameter}=`)} + url.QueryEscape(secret)`,
    `body := \`${SAMPLE_BODY}\``,
    ...(hasId ? ID : []),
    ...(timeUnit === null ? [] : [`ts := ${TIMES[timeUnit]}`]),
    ...(signature === null ? [] : signing(signature)),
    '',
    'request, err := http.NewRequest("POST", address, strings.NewReader(body))',
    ...FATAL,
    'request.Header.Set("Content-Type", "application/json")',
    ...headers.map(
      ({ name, value }) => `request.Header.Set(${quote(name)}, ${concatenated(value, NAMES, quote, ' + ')})`,
    ),
    'response, err := http.DefaultClient.Do(request)',
    ...FATAL,
    'defer response.Body.Close()',
    'answer, err := io.ReadAll(response.Body)',
    ...FATAL,
    'fmt.Println(response.StatusCode, string(answer))',
  ]
  const used = Object.entries(PACKAGES)
    .filter(([name]) => lines.some((line) => new RegExp(`(^|[^\\w.])${name}\\.[A-Z]`).test(line)))
    .map(([, path]) => path)
    .toSorted()
  return [
    '// go run send.go',
    'package main',
    '',
    'import (',
    ...used.map((path) => `\t"${path}"`),
    ')',
    '',
    'func main() {',
    ...lines.map((line) => (line === '' ? '' : `\t${line}`)),
    '}',
  ].join('\n')
}

const ID = [
  'random := make([]byte, 12)',
  'if _, err := rand.Read(random); err != nil {',
  '\tlog.Fatal(err)',
  '}',
  'id := "msg_" + hex.EncodeToString(random)',
] as const

const FATAL = ['if err != nil {', '\tlog.Fatal(err)', '}'] as const

function signing({ hash, key, encoding, signed }: NonNullable<Recipe['signature']>): readonly string[] {
  const text = key.strip === '' ? 'secret' : `strings.TrimPrefix(secret, ${quote(key.strip)})`
  const keyLines = {
    utf8: [`key := []byte(${text})`],
    base64: [`key, err := base64.StdEncoding.DecodeString(${text})`, ...FATAL],
    hex: [`key, err := hex.DecodeString(${text})`, ...FATAL],
  }[key.encoding]
  const newHash = { sha1: 'sha1.New', sha256: 'sha256.New', sha512: 'sha512.New' }[hash]
  const encode = {
    hex: 'hex.EncodeToString',
    base64: 'base64.StdEncoding.EncodeToString',
    base64url: 'base64.RawURLEncoding.EncodeToString',
  }[encoding]
  return [
    ...keyLines,
    `mac := hmac.New(${newHash}, key)`,
    `mac.Write([]byte(${concatenated(signed, NAMES, quote, ' + ')}))`,
    `signature := ${encode}(mac.Sum(nil))`,
  ]
}
