/**
 * What one sender sends, without its proof: kind and form are the sender's, names and numbers are made up. In texts `{uuid}`, `{unix}` and `{iso}`
 * stand for an id and the time of the moment; as a whole JSON text `{unix}` is a number.
 */
export interface Sample {
  readonly headers?: Readonly<Record<string, string>>
  /** One of these is the body. */
  readonly json?: unknown
  readonly form?: Readonly<Record<string, string>>
  readonly text?: { readonly contentType: string; readonly body: string }
  /** For JSON that does not go by its usual name. */
  readonly contentType?: string
}

/** By the name of the scheme. */
export type Samples = Readonly<Record<string, Sample>>
