import { Elysia } from 'elysia'
import { Rejection } from '../core/rejection.ts'
import { compileScheme, findPreset, PRESETS, type Preset, presetView } from '../core/verification/index.ts'
import { mayGenerateSecret } from '../core/verification-input.ts'
import { describe } from './describe.ts'
import type { Scheme } from './models.ts'

/** The schemes that come with the house; they are the same in every installation of one version. */
export const schemes = () =>
  new Elysia({ name: 'admin.schemes' })
    .get('/api/v1/schemes', () => ({ data: PRESETS.map(schemeView), next_cursor: null }), {
      ...describe({
        id: 'listSchemes',
        role: 'viewer',
        summary: 'Lists how the webhooks of senders are verified, all on one page, in order of name',
        answer: { list: 'Scheme' },
      }),
    })
    .get('/api/v1/schemes/:name', ({ params: { name } }) => ({ data: schemeView(presetOf(name)) }), {
      ...describe({
        id: 'readScheme',
        role: 'viewer',
        summary: 'Reads how the webhooks of one sender are verified',
        answer: { one: 'Scheme' },
      }),
    })

const schemeView = (preset: Preset): Scheme => ({
  ...presetView(preset),
  may_generate_secret: mayGenerateSecret(preset.name, compileScheme(preset.scheme)),
})

/** @throws Rejection `scheme_unknown` */
export function presetOf(name: string): Preset {
  const preset = findPreset(name)
  if (preset === null) throw new Rejection('scheme_unknown', 'the path names no scheme')
  return preset
}
