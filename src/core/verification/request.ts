/** A request as it was received. Nothing in it is trusted, and nothing of it is decoded but by the engine. */
export interface VerificationRequest {
  readonly method: string
  /** The public URL of the webhook with the received query, to the letter: some senders sign it. */
  readonly url: string
  /** A header by its lower-case name, one character a byte (latin1); repeated ones joined by `, `. `null` when it is absent. */
  header(name: string): string | null
  /** All names, in lower case. */
  headerNames(): Iterable<string>
  /** The raw bytes. */
  readonly body: Uint8Array
}

/**
 * What a trigger verifies with, all as the operator typed it. The engine derives key bytes once from each such object and keeps them
 * as long as the object lives, so a change of secrets is a new object.
 */
export interface VerificationKeys {
  /** Live secrets; any of them verifies. */
  readonly secrets: readonly string[]
  readonly publicKey?: string
  /** What the places `cfg:…` read, and further keys: `topicArn`, `webhookId`, `secondarySecret`, `jwk`, … */
  readonly config: Readonly<Record<string, unknown>>
}

export interface VerificationOptions {
  /** In place of the scheme's own tolerance. */
  readonly toleranceSeconds?: number
  /**
   * Gets a certificate as PEM. The URL has passed the scheme's rules. Whoever provides it caches by URL, bounds size and time, and follows no redirect.
   * Without it, and when it answers `null` or throws, schemes with certificates refuse.
   */
  readonly fetchCertificate?: (url: string) => string | null | Promise<string | null>
}
