import { HANDSHAKE_TEXT_LENGTH_MAX, HANDSHAKE_TOKEN_LENGTH_MAX } from '../limits.ts'

/**
 * What is signed for a stranger, remembered as a secret, or echoed where the sender's own tokens allow it: the letters of a bearer token (RFC 6750,
 * 2.1). It has no colon, no brace and no blank, so it is no part of a signed text that has a time before its body, and no markup.
 */
export const isHandshakeToken = (text: string): boolean =>
  text.length <= HANDSHAKE_TOKEN_LENGTH_MAX && /^[A-Za-z0-9._~+/=-]+$/.test(text)

/** What is echoed, and never signed, where senders put sentences into their tokens. No character of it begins markup or ends a header. */
export const isHandshakeText = (text: string): boolean =>
  text.length <= HANDSHAKE_TEXT_LENGTH_MAX && /^[A-Za-z0-9 ._~+/=:;,@-]+$/.test(text)

/** Whether a body is what a handshake would sign for anybody who asks: then a signature of it proves nothing. */
export const isTokenBody = (body: Uint8Array): boolean =>
  body.byteLength <= HANDSHAKE_TOKEN_LENGTH_MAX &&
  isHandshakeToken(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1'))
