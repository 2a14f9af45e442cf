import { createHash, createHmac, randomBytes } from 'node:crypto'
import { API_TOKEN_BYTES, API_TOKEN_PREFIX_LENGTH } from './limits.ts'

/** What every token of the admin API begins with, so that scanners of code and people know one when they see it. */
const PREFIX = 'attune_'

const API_TOKEN = new RegExp(`^${PREFIX}[0-9a-f]{${2 * API_TOKEN_BYTES}}$`)

export const newApiToken = (): string => PREFIX + randomBytes(API_TOKEN_BYTES).toString('hex')

/** Whether a text has the form of a token that we made; only such a one is looked up. */
export const isApiToken = (text: string): boolean => API_TOKEN.test(text)

/** The part of a token that is shown. */
export const apiTokenPrefix = (token: string): string => token.slice(0, API_TOKEN_PREFIX_LENGTH)

const SESSION_TOKEN_BYTES = 32
const SESSION_TOKEN = new RegExp(`^[0-9a-f]{${2 * SESSION_TOKEN_BYTES}}$`)

/** What the cookie of a session holds. */
export const newSessionToken = (): string => randomBytes(SESSION_TOKEN_BYTES).toString('hex')

export const isSessionToken = (text: string): boolean => SESSION_TOKEN.test(text)

/**
 * What is stored of a token, and looked up: with so many random bits there is nothing to try out, so no slow digest is needed. That
 * an index compares digests one byte after the other tells whoever measures it nothing of the token.
 */
export const tokenDigest = (token: string): Uint8Array => createHash('sha256').update(token).digest()

/** Binds a session to the token of the installation. Keyed with that one, and over a text that nobody else knows. */
export const installationMac = (installationToken: string, sessionToken: string): Uint8Array =>
  createHmac('sha256', installationToken).update(sessionToken).digest()
