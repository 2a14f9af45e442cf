/** An X.509 certificate that signs itself, built byte by byte: no key has to lie in the repository, and no tool be installed. */
import { generateKeyPairSync, sign } from 'node:crypto'

const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts)
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts)
const utcTime = (text: string): Buffer => der(0x17, Buffer.from(text))

/** sha256WithRSAEncryption */
const ALGORITHM = Buffer.from('300d06092a864886f70d01010b0500', 'hex')
const COMMON_NAME = Buffer.from('0603550403', 'hex')

/** @param until - the end of its validity as `YYMMDDhhmmssZ` */
export function makeCertificate(until = '491231235959Z', bits = 2_048) {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: bits })
  const name = sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from('sender.example.test')))))
  const body = sequence(
    der(0x02, Buffer.from([1])),
    ALGORITHM,
    name,
    sequence(utcTime('250101000000Z'), utcTime(until)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
  )
  const signature = sign('sha256', body, privateKey)
  const whole = sequence(body, ALGORITHM, der(0x03, Buffer.from([0]), signature))
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? []
  return {
    privateKey,
    certificatePem: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
  }
}
