import { useMemo, useState } from 'react'
import { ScrollBox, Tabs } from '../kit/layout.tsx'
import { Foreign } from '../kit/text.tsx'
import { Hex } from './payload/hex.tsx'
import { parseNodes } from './payload/json-nodes.ts'
import { type FindByValue, JsonTree } from './payload/json-tree.tsx'
import { Raw } from './payload/raw.tsx'

interface PayloadViewProps {
  readonly bytes: Uint8Array
  readonly contentType: string | null
  /** Given, a value of the tree offers to look for events that have it. */
  readonly onFind?: FindByValue | undefined
}

/** What a sender sent: as a tree where it is JSON, as fields where it is a form, as text, and as bytes. Never as anything that runs. */
export function PayloadView({ bytes, contentType, onFind }: PayloadViewProps) {
  const read = useMemo(() => readPayload(bytes, contentType), [bytes, contentType])
  const [chosen, choose] = useState<string | null>(null)
  if (bytes.byteLength === 0) return <p className="text-muted">The body is empty.</p>
  const tabs = [
    ...(read.nodes === null
      ? []
      : [
          {
            value: 'tree',
            label: 'Tree',
            content: <JsonTree text={read.text} nodes={read.nodes} onFind={onFind} />,
          },
        ]),
    ...(read.fields === null
      ? []
      : [{ value: 'fields', label: 'Fields', content: <Fields fields={read.fields} /> }]),
    { value: 'raw', label: 'Raw', content: <Raw text={read.text} isExact={read.isExact} /> },
    { value: 'hex', label: 'Hex', content: <Hex bytes={bytes} /> },
  ]
  const first = read.isExact ? (tabs[0]?.value ?? 'raw') : 'hex'
  const value = tabs.some((tab) => tab.value === chosen) ? (chosen ?? first) : first
  return <Tabs label="Ways to see the payload" tabs={tabs} value={value} onChange={choose} />
}

function readPayload(bytes: Uint8Array, contentType: string | null) {
  let text: string
  let isExact = true
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    text = new TextDecoder().decode(bytes)
    isExact = false
  }
  const isForm = contentType?.toLowerCase().startsWith('application/x-www-form-urlencoded') ?? false
  return {
    text,
    isExact,
    nodes: isExact ? parseNodes(text) : null,
    fields: isForm && isExact ? [...new URLSearchParams(text)].slice(0, FIELDS_MAX) : null,
  }
}

/** A form of more fields is read as text. */
const FIELDS_MAX = 500

function Fields({ fields }: { readonly fields: readonly (readonly [string, string])[] }) {
  return (
    <ScrollBox label="Payload as fields" className="max-h-112 border border-line bg-sunken p-3">
      <dl className="space-y-2 font-mono text-sm">
        {fields.map(([name, value], index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a form may repeat a name, and its order is fixed
          <div key={index}>
            <dt className="text-muted">
              <Foreign text={name} lengthMax={256} />
            </dt>
            <dd className="whitespace-pre-wrap">
              <Foreign text={value} />
            </dd>
          </div>
        ))}
      </dl>
    </ScrollBox>
  )
}
