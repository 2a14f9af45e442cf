import { useEffect, useEffectEvent, useState } from 'react'
import type { WebhookEventLogRow } from '../../core/event.ts'
import { ApiError, queryText, request } from './client.ts'
import type { LogFilter } from './routes.ts'

/** `refused`: the server says no to this filter or to this session, so asking again would not help. */
export type LiveState = 'connecting' | 'live' | 'paused' | 'waiting' | 'refused'

const RETRY_MS = 2_000

/** A stream that has been silent for longer than this has gone, for example while the machine slept. The server speaks every 5 s. */
const SILENCE_MS_MAX = 15_000

interface Live {
  readonly filter: LogFilter
  readonly isPaused: boolean
  /** Rows that have just been written, oldest first. */
  readonly onRows: (rows: readonly WebhookEventLogRow[]) => void
  /** Rows were left out: what is shown has a hole. */
  readonly onGap: () => void
  /** The newest row that is shown already, to go on from. */
  readonly after: () => string | null
}

/** Attempts as they arrive. It goes on from the newest row after a pause, a sleep, or a restart of the server. */
export function useLiveTail({ filter, isPaused, onRows, onGap, after }: Live): LiveState {
  const [state, setState] = useState<LiveState>('connecting')
  const handleRows = useEffectEvent(onRows)
  const handleGap = useEffectEvent(onGap)
  const newest = useEffectEvent(after)
  const key = queryText(filter)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text of the filter stands for it
  useEffect(() => {
    if (isPaused) {
      setState('paused')
      return
    }
    const stopping = new AbortController()
    void follow(stopping.signal)
    return () => stopping.abort()

    async function follow(signal: AbortSignal): Promise<void> {
      setState('connecting')
      // Of rows that the filter leaves out the stream names the last one too, so that it need not look at them again.
      let seen: string | null = null
      while (!signal.aborted) {
        try {
          const query = { ...filter, after: later(newest(), seen) ?? undefined }
          await readStream(`/api/v1/webhook-event-log/tail${queryText(query)}`, signal, {
            onOpen: () => setState('live'),
            onMessage(event, data, id) {
              seen = later(id, seen)
              if (event === 'rows') handleRows(data.rows ?? [])
              if (event === 'gap') handleGap()
            },
          })
        } catch (error) {
          if (signal.aborted) return
          if (
            error instanceof ApiError &&
            error.status >= 400 &&
            error.status < 500 &&
            error.status !== 429
          ) {
            setState('refused')
            return
          }
        }
        if (signal.aborted) return
        setState('waiting')
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }
  }, [key, isPaused])
  return state
}

/** The stream waits for the list that it goes on from: nobody has paused it. */
export const shownState = (state: LiveState, list: { readonly isError: boolean }): LiveState =>
  state !== 'paused' ? state : list.isError ? 'refused' : 'connecting'

/** Ids begin with their time, so that the later one is the greater one. */
const later = (a: string | null, b: string | null): string | null => (a === null || (b ?? '') > a ? b : a)

interface Handlers {
  readonly onOpen: () => void
  readonly onMessage: (
    event: string,
    data: { rows?: readonly WebhookEventLogRow[] },
    id: string | null,
  ) => void
}

/** Reads server-sent events (HTML standard, 9.2.6) with our own header, which `EventSource` cannot send. */
async function readStream(path: string, signal: AbortSignal, { onOpen, onMessage }: Handlers): Promise<void> {
  const silence = new AbortController()
  let timer = setTimeout(() => silence.abort(), SILENCE_MS_MAX)
  try {
    const response = await request(path, {
      signal: AbortSignal.any([signal, silence.signal]),
      headers: { accept: 'text/event-stream' },
    })
    onOpen()
    let text = ''
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    for (let part = await reader?.read(); part !== undefined && !part.done; part = await reader?.read()) {
      clearTimeout(timer)
      timer = setTimeout(() => silence.abort(), SILENCE_MS_MAX)
      text += part.value
      const messages = text.split('\n\n')
      text = messages.pop() ?? ''
      for (const message of messages) dispatch(message, onMessage)
    }
  } finally {
    clearTimeout(timer)
  }
}

function dispatch(message: string, onMessage: Handlers['onMessage']): void {
  const fields = message.split('\n').map((line) => /^(event|data|id): ?(.*)$/.exec(line))
  const textOf = (name: string): string =>
    fields
      .filter((field) => field?.[1] === name)
      .map((field) => field?.[2] ?? '')
      .join('\n')
  const data = textOf('data')
  if (data !== '') onMessage(textOf('event'), JSON.parse(data), textOf('id') || null)
}
