import { Elysia } from 'elysia'
import { describe } from './describe.ts'

/** Where the numbers come from; the rendering is done for each scrape. */
export interface Metrics {
  readonly contentType: string
  render(): Promise<string>
}

/** What the process tells of itself, in the text format of Prometheus. */
export const metrics = (source: Metrics) =>
  new Elysia({ name: 'admin.metrics' }).get(
    '/metrics',
    async () => new Response(await source.render(), { headers: { 'content-type': source.contentType } }),
    describe({
      id: 'readMetrics',
      role: 'viewer',
      summary: 'Metrics in the text format of Prometheus',
      answer: { types: ['text/plain'] },
    }),
  )
