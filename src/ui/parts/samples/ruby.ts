import { concatenated, literal } from './quoting.ts'
import { type Recipe, SECRET_VARIABLE } from './recipe.ts'

const NAMES = {
  body: 'body',
  id: 'id',
  ts: 'ts',
  signature: 'signature',
  secret: 'secret',
  basic: '[secret].pack("m0")',
} as const

const TIMES = {
  s: 'Time.now.to_i.to_s',
  ms: '(Time.now.to_f * 1000).to_i.to_s',
  iso: 'Time.now.utc.strftime("%Y-%m-%dT%H:%M:%SZ")',
} as const

/** Between double quotes `#{…}` would be code. */
const quote = (text: string): string => literal(text, '"').replaceAll('#', '\\#')

/** For Ruby 3, without gems. */
export function rubySample(recipe: Recipe): string {
  const { url, signature, timeUnit, hasId, hasSecret, headers, queryParameter } = recipe
  return [
    '# ruby send.rb',
    'require "json"',
    'require "net/http"',
    ...(signature === null ? [] : ['require "openssl"']),
    ...(hasId ? ['require "securerandom"'] : []),
    '',
    ...(hasSecret ? [`secret = ENV.fetch("${SECRET_VARIABLE}")`] : []),
    queryParameter === null
      ? `url = ${quote(url)}`
      : `url = ${quote(`${url}?${queryParameter}=`)} + URI.encode_www_form_component(secret)`,
    'body = JSON.generate(hello: "world")',
    ...(hasId ? ['id = "msg_" + SecureRandom.hex(12)'] : []),
    ...(timeUnit === null ? [] : [`ts = ${TIMES[timeUnit]}`]),
    ...(signature === null ? [] : signing(signature)),
    '',
    'response = Net::HTTP.post(URI(url), body, {',
    '  "Content-Type" => "application/json",',
    ...headers.map(({ name, value }) => `  ${quote(name)} => ${concatenated(value, NAMES, quote, ' + ')},`),
    '})',
    'puts response.code, response.body',
  ].join('\n')
}

function signing({ hash, key, encoding, signed }: NonNullable<Recipe['signature']>): readonly string[] {
  const text = key.strip === '' ? 'secret' : `secret.delete_prefix(${quote(key.strip)})`
  const bytes = { utf8: text, base64: `${text}.unpack1("m")`, hex: `[${text}].pack("H*")` }[key.encoding]
  const call = (kind: string): string => `OpenSSL::HMAC.${kind}("${hash}", key, signed)`
  const written = {
    hex: call('hexdigest'),
    base64: `[${call('digest')}].pack("m0")`,
    base64url: `[${call('digest')}].pack("m0").tr("+/", "-_").delete("=")`,
  }[encoding]
  return [`key = ${bytes}`, `signed = ${concatenated(signed, NAMES, quote, ' + ')}`, `signature = ${written}`]
}
