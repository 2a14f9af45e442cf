import type { Scheme } from '../scheme.ts'

/** The scheme of one sender, as it comes with the house. */
export interface Preset {
  readonly name: string
  readonly title: string
  /** The preset whose scheme this sender uses, under its own name. */
  readonly aliasOf?: string
  /** The sender's own page about its signatures. */
  readonly docs?: string
  /**
   * How sure we are: A the sender's SDK or server was read or run; B its documentation was; C independent third parties agree;
   * M from memory.
   */
  readonly certainty: 'A' | 'B' | 'C' | 'M'
  /**
   * Where the URL of the webhook goes at the sender, and where the secret comes from or goes to; in our own words, with labels of pages
   * only where they are known. "The secret" is what the trigger keeps, whoever made it.
   */
  readonly setup: string
  /** What the scheme does not protect, where that is more than headers: the transport alone does. */
  readonly notSigned?: string
  readonly scheme: Scheme
}
