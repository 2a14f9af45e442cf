import { useQuery } from '@tanstack/react-query'
import { request } from '../../api/client.ts'
import { ErrorState, LoadingRows } from '../../kit/feedback.tsx'
import { formatBytes } from '../../kit/format.ts'
import { Card, Facts } from '../../kit/layout.tsx'
import { Time } from '../../kit/text.tsx'
import { useAbout } from './use-about.ts'

interface Licence {
  readonly name: string
  readonly version: string
  readonly licence: string
  readonly text: string
}

/** Which version runs, on what, and whose work is in it. */
export function About() {
  const about = useAbout()
  return (
    <div className="space-y-5">
      <Card title="This installation">
        {about.error !== null && <ErrorState error={about.error} retry={about.refetch} />}
        {about.data === undefined && about.error === null && <LoadingRows rows={3} />}
        {about.data !== undefined && (
          <Facts
            facts={[
              ['Version', about.data.version],
              ['Runtime', about.data.runtime],
              ['Database', about.data.database],
              ['Receiver', about.data.receiver_url],
              ['Largest payload', formatBytes(about.data.body_bytes_max)],
              ['Started', <Time key="started" at={about.data.started} />],
            ]}
          />
        )}
      </Card>
      <Card title="Licences">
        <p className="mb-3 text-muted">
          Attune Webhooks stands under the Apache License 2.0. These packages are part of it:
        </p>
        <Licences />
      </Card>
    </div>
  )
}

function Licences() {
  const { data, error, refetch } = useQuery({
    queryKey: ['licences'],
    queryFn: async (): Promise<readonly Licence[]> => (await request('/licences.json')).json(),
    staleTime: Number.POSITIVE_INFINITY,
  })
  if (error !== null) return <ErrorState error={error} retry={refetch} />
  if (data === undefined) return <LoadingRows />
  return (
    <ul className="divide-y divide-line">
      {data.map(({ name, version, licence, text }) => (
        <li key={name}>
          <details className="py-2">
            <summary className="flex cursor-pointer flex-wrap items-baseline gap-x-3">
              <span className="font-medium">{name}</span>
              <span className="numbers text-muted">{version}</span>
              <span className="ml-auto text-sm text-muted">{licence}</span>
            </summary>
            <pre className="foreign mt-2 rounded-lg bg-sunken p-3 font-mono text-sm whitespace-pre-wrap">
              {text === '' ? `The package says in its manifest that it stands under ${licence}.` : text}
            </pre>
          </details>
        </li>
      ))}
    </ul>
  )
}
