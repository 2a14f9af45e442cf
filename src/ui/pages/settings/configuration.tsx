import { useQuery } from '@tanstack/react-query'
import type { EffectiveSetting } from '../../../core/administrator.ts'
import { api } from '../../api/client.ts'
import { Badge, ErrorState, LoadingRows } from '../../kit/feedback.tsx'
import { Card } from '../../kit/layout.tsx'
import { type Column, Table } from '../../kit/table.tsx'
import { Foreign } from '../../kit/text.tsx'

/** The settings that the server was started with. They are changed there, and not here. */
export function Configuration() {
  const { data, error, refetch } = useQuery({
    queryKey: ['config'],
    queryFn: ({ signal }) => api('GET /api/v1/config', { signal }),
  })
  return (
    <Card title="Configuration in force" isFlush>
      <p className="px-4 py-3 text-muted">
        Set in the environment or by flags of <code className="font-mono">serve</code>, and read once, at the
        start.
      </p>
      {error !== null && <ErrorState error={error} retry={refetch} />}
      {data === undefined && error === null && <LoadingRows />}
      {data !== undefined && (
        <Table label="Configuration" columns={COLUMNS} rows={data.data} rowKey={({ variable }) => variable} />
      )}
    </Card>
  )
}

const shown = (value: string | null) =>
  value === null ? (
    <span className="text-muted">not set</span>
  ) : (
    <Foreign text={value} className="font-mono text-sm" />
  )

const COLUMNS: readonly Column<EffectiveSetting>[] = [
  {
    key: 'variable',
    title: 'Setting',
    cell: ({ variable }) => <code className="font-mono text-sm">{variable}</code>,
  },
  { key: 'value', title: 'Value', className: 'min-w-48', cell: ({ value }) => shown(value) },
  {
    key: 'origin',
    title: 'Origin',
    cell: ({ origin }) => <Badge tone={origin === 'default' ? 'neutral' : 'accent'}>{origin}</Badge>,
  },
  { key: 'default', title: 'Default', isExtra: true, cell: (setting) => shown(setting.default) },
]
