import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'

/** How every sealed text begins. A secret of an operator may not begin so, or nobody could tell the two apart. */
export const SEALED_PREFIX = 'sealed:'

const CIPHER = 'aes-256-gcm'
const KEY_BYTES = 32
/** The length that GCM is made for; random, it may be used 2^32 times with one key (NIST SP 800-38D, 8.3). */
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Where a sealed text belongs. It opens nowhere else, so that a copied row or column gives nobody a secret of another's. */
export interface SealedPlace {
  readonly triggerId: string
  /** Column, label or name within the trigger: `webhook_hmac_secret`, `webhook_secret/2026-q4`, `config/secondarySecret`. */
  readonly name: string
}

export const HMAC_SECRET_PLACE = 'webhook_hmac_secret'
export const secretPlace = (label: string): string => `webhook_secret/${label}`
export const configPlace = (name: string): string => `config/${name}`

/** What a stored text holds; `reason` is for administrators and names no secret. */
export type Opened =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly reason: string }

/**
 * Reads a master key: 32 bytes as 64 hexadecimal digits or as base64, of either alphabet.
 *
 * @returns `null` when it is none
 */
export function parseMasterKey(text: string): Uint8Array | null {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Buffer.from(text, 'hex')
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return null
  const key = Buffer.from(text, 'base64')
  return key.byteLength === KEY_BYTES ? key : null
}

export const isSealed = (stored: string): boolean => stored.startsWith(SEALED_PREFIX)

/**
 * Secrets as the database holds them: `sealed:v1:<key id>:<base64 of nonce, ciphertext, tag>` under a master key, and plain without
 * one. A plain text opens as it is, also where there is a master key: psql writes plain.
 */
export class Sealing {
  readonly #current: MasterKey | null
  readonly #all: ReadonlyMap<string, MasterKey>

  /**
   * @param current - seals, and opens what it has sealed; `null`: nothing is sealed
   * @param older - only open
   */
  constructor(current: Uint8Array | null, older: readonly Uint8Array[] = []) {
    this.#current = current === null ? null : masterKey(current)
    const keys = [...older.map(masterKey), ...(this.#current === null ? [] : [this.#current])]
    this.#all = new Map(keys.map((key) => [key.id, key]))
  }

  /** Whether there is a master key to seal with. */
  get isOn(): boolean {
    return this.#current !== null
  }

  /** The text as it is to be stored. */
  seal(text: string, place: SealedPlace): string {
    if (this.#current === null) return text
    const { id, bytes } = this.#current
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv(CIPHER, bytes, nonce, { authTagLength: TAG_BYTES })
    cipher.setAAD(boundTo(id, place))
    const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
    return `${SEALED_PREFIX}v1:${id}:${sealed.toString('base64')}`
  }

  /** The text that is stored; never throws. */
  open(stored: string, place: SealedPlace): Opened {
    if (!isSealed(stored)) return { ok: true, text: stored }
    const [, id, base64] = FORM.exec(stored) ?? []
    if (id === undefined || base64 === undefined) return closed('it does not have the form of a sealed text')
    const key = this.#all.get(id)
    if (key === undefined) {
      return closed(
        this.#all.size === 0 ? 'there is no master key' : 'it was sealed with a master key that is not here',
      )
    }
    try {
      return { ok: true, text: decrypt(Buffer.from(base64, 'base64'), key, place) }
    } catch {
      return closed('it was changed, or copied from another place')
    }
  }

  /** Whether `rekey` has nothing to do for it. */
  isCurrent(stored: string): boolean {
    return this.#current === null || stored.startsWith(`${SEALED_PREFIX}v1:${this.#current.id}:`)
  }
}

interface MasterKey {
  readonly id: string
  readonly bytes: Uint8Array
}

const FORM = /^sealed:v1:([0-9a-f]{16}):([A-Za-z0-9+/]+={0,2})$/

/** Tells keys apart and tells nothing of them. */
const masterKey = (bytes: Uint8Array): MasterKey => ({
  id: createHmac('sha256', bytes).update('attune-webhooks master key id').digest('hex').slice(0, 16),
  bytes,
})

/** Neither an id nor a label has a line end in it. */
const boundTo = (keyId: string, { triggerId, name }: SealedPlace): Buffer =>
  Buffer.from(`attune-webhooks\nv1\n${keyId}\n${triggerId}\n${name}`)

function decrypt(sealed: Buffer, { id, bytes }: MasterKey, place: SealedPlace): string {
  if (sealed.byteLength <= NONCE_BYTES + TAG_BYTES) throw new RangeError('A sealed text is longer.')
  const tagStart = sealed.byteLength - TAG_BYTES
  const decipher = createDecipheriv(CIPHER, bytes, sealed.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  })
  decipher.setAAD(boundTo(id, place))
  decipher.setAuthTag(sealed.subarray(tagStart))
  return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, tagStart)), decipher.final()]).toString(
    'utf8',
  )
}

const closed = (reason: string): Opened => ({ ok: false, reason })
