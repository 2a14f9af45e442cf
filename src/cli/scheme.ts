import { findPreset, PRESETS, type Preset, presetView } from '../core/verification/index.ts'
import { command, Failure } from './command.ts'
import { type Column, fieldLines, jsonText, tableLines } from './output.ts'

const JSON_OPTION = { json: { type: 'boolean', description: 'print JSON' } } as const

const COLUMNS: readonly Column<Preset>[] = [
  { title: 'name', cell: ({ name }) => name },
  { title: 'sender', cell: ({ title }) => title },
  { title: 'kind', cell: ({ scheme }) => scheme.scheme },
  { title: 'certainty', cell: ({ certainty }) => certainty },
  { title: 'handshake', cell: ({ scheme }) => scheme.handshake, isOptional: true },
  { title: 'alias of', cell: ({ aliasOf }) => aliasOf, isOptional: true },
]

const list = command({
  name: 'scheme list',
  summary: 'Lists the senders whose webhooks can be verified. It asks no server.',
  details: [
    'Certainty is how sure we are of a scheme: A its sender’s own library or server was read or run, B its documentation was, C independent',
    'third parties agree, M from memory.',
  ].join('\n'),
  options: JSON_OPTION,
  async run({ options }, { print, terminalColumns }) {
    const lines = options.json
      ? [jsonText(PRESETS.map(presetView))]
      : tableLines(COLUMNS, PRESETS, terminalColumns())
    for (const line of lines) print(line)
    return 0
  },
})

const show = command({
  name: 'scheme show',
  summary: 'Shows how the webhooks of one sender are verified, and what that needs. It asks no server.',
  details: 'The record that is printed is what an own scheme is written in, too.',
  operands: ['NAME'],
  options: JSON_OPTION,
  async run({ options, operands: { NAME } }, { print }) {
    const preset = findPreset(NAME)
    if (preset === null) throw new Failure(`no scheme has this name; \`scheme list\` has all of them`)
    const { scheme, ...fields } = presetView(preset)
    const lines = options.json
      ? [jsonText({ ...fields, scheme })]
      : [...fieldLines(fields), 'scheme', JSON.stringify(scheme, null, 2)]
    for (const line of lines) print(line)
    return 0
  },
})

export const SCHEME_COMMANDS = [list, show]
