import { Elysia } from 'elysia'
import { Rejection } from '../core/rejection.ts'
import { findPreset, PRESETS, presetView } from '../core/verification/index.ts'
import { describe } from './describe.ts'

/** The schemes that come with the house; they are the same in every installation of one version. */
export const schemes = () =>
  new Elysia({ name: 'admin.schemes' })
    .get('/api/v1/schemes', () => ({ data: PRESETS.map(presetView), next_cursor: null }), {
      ...describe({
        id: 'listSchemes',
        summary: 'Lists how the webhooks of senders are verified, all on one page, in order of name',
        answer: { list: 'Scheme' },
      }),
    })
    .get('/api/v1/schemes/:name', ({ params: { name } }) => ({ data: presetView(presetOf(name)) }), {
      ...describe({
        id: 'readScheme',
        summary: 'Reads how the webhooks of one sender are verified',
        answer: { one: 'Scheme' },
      }),
    })

/** @throws Rejection `scheme_unknown` */
function presetOf(name: string) {
  const preset = findPreset(name)
  if (preset === null) throw new Rejection('scheme_unknown', 'the path names no scheme')
  return preset
}
