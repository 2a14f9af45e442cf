import { Elysia } from 'elysia'
import type { About, EffectiveSetting } from '../core/administrator.ts'
import type { Store } from '../store/index.ts'
import { describe } from './describe.ts'

/** What the process that started this plane tells of itself. */
export interface Installation extends Omit<About, 'version' | 'database'> {
  /** Secrets in them are redacted. */
  readonly settings: readonly EffectiveSetting[]
}

interface Deps {
  readonly store: Pick<Store, 'databaseVersion'>
  readonly version: string
  readonly installation: Installation
}

/** What runs here, and with which settings. */
export const installation = ({ store, version, installation: { settings, ...about } }: Deps) =>
  new Elysia({ name: 'admin.installation' })
    .get('/api/v1/config', () => ({ data: settings, next_cursor: null }), {
      ...describe({
        id: 'readConfig',
        role: 'admin',
        summary: 'Lists every setting as it is in force; secrets are redacted',
        answer: { list: 'EffectiveSetting' },
      }),
    })
    .get(
      '/api/v1/about',
      async () => {
        const data: About = { version, database: await store.databaseVersion(), ...about }
        return { data }
      },
      {
        ...describe({
          id: 'readAbout',
          role: 'viewer',
          summary: 'Says what runs here, and on which database',
          answer: { one: 'About' },
        }),
      },
    )
