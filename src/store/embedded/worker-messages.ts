/** From the main thread to the Worker. Each connection has a number, which is never used again. */
export type ToWorker =
  | { kind: 'open'; dataDirectory: string }
  | { kind: 'connect'; connection: number }
  | { kind: 'data'; connection: number; bytes: Uint8Array<ArrayBuffer> }
  | { kind: 'disconnect'; connection: number }
  | { kind: 'close' }

/** From the Worker to the main thread. */
export type FromWorker =
  | { kind: 'opened'; made: boolean; elapsedMs: number }
  | { kind: 'data'; connection: number; bytes: Uint8Array<ArrayBuffer> }
  /** So many bytes of the connection no longer wait for a turn. */
  | { kind: 'taken'; connection: number; byteCount: number }
  | { kind: 'disconnected'; connection: number }
  | { kind: 'log'; line: string }
  /** Nothing more will come: the engine has been closed in order. */
  | { kind: 'closed' }
  /** Nothing more will come: the engine could not be opened, has stopped, or could not be closed. */
  | { kind: 'failed'; message: string }
