import type { Encoding } from './scheme.ts'

const HEX = /^(?:[0-9a-fA-F]{2})+$/
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const BASE64URL = /^[A-Za-z0-9_-]+$/

/**
 * The bytes of a received text, or `null` when it is not exactly the one way to write them: the runtime's decoders skip what they do not know, and
 * take several texts for the same bytes. Capital hexadecimal digits are the one exception.
 */
export function decodeStrictly(text: string, encoding: Encoding): Buffer | null {
  if (text === '') return null
  switch (encoding) {
    case 'hex':
      return HEX.test(text) ? Buffer.from(text, 'hex') : null
    case 'base64': {
      if (!BASE64.test(text)) return null
      const bytes = Buffer.from(text, 'base64')
      // Bits that the last letter has beyond the last byte must be zero.
      return bytes.toString('base64') === text ? bytes : null
    }
    case 'base64url': {
      if (!BASE64URL.test(text)) return null
      const bytes = Buffer.from(text, 'base64url')
      return bytes.toString('base64url') === text ? bytes : null
    }
  }
}

/**
 * The bytes of a key that an operator has typed: either alphabet of base64, with padding or without, since what is copied from a console
 * comes in all of them.
 */
export function decodeKey(text: string, encoding: 'base64' | 'hex'): Buffer | null {
  if (encoding === 'hex') return decodeStrictly(text, 'hex')
  const bare = text.replace(/={1,2}$/, '')
  if (!/^[A-Za-z0-9+/_-]+$/.test(bare) || bare.length % 4 === 1) return null
  return Buffer.from(bare.replaceAll('-', '+').replaceAll('_', '/'), 'base64')
}
