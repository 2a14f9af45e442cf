import type { HeaderPair } from '../../core/event.ts'
import { Badge } from '../kit/feedback.tsx'
import { ScrollBox } from '../kit/layout.tsx'
import { Foreign } from '../kit/text.tsx'

/** What the server keeps in place of a credential. */
export const REDACTED = '[redacted]'

const VALUE_LENGTH_MAX = 4_000

/** Headers as they came, in their order. Credentials were taken out before they were stored. */
export function HeadersTable({ headers }: { readonly headers: readonly HeaderPair[] }) {
  if (headers.length === 0) return <p className="text-muted">None were kept.</p>
  return (
    <ScrollBox label="Headers" className="max-h-96 border border-line">
      <table className="w-full table-fixed text-left text-sm">
        <thead className="sr-only">
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Value</th>
          </tr>
        </thead>
        <tbody className="divide-y divide-line">
          {headers.map(([name, value], index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: headers repeat, and their order is fixed
            <tr key={index}>
              <th scope="row" className="w-2/5 px-3 py-1.5 align-top font-mono font-normal text-muted">
                <Foreign text={name} lengthMax={200} />
              </th>
              <td className="px-3 py-1.5 align-top font-mono">
                {value === REDACTED ? (
                  <Badge>kept from the record: it is a credential</Badge>
                ) : (
                  <Foreign text={value} lengthMax={VALUE_LENGTH_MAX} />
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollBox>
  )
}
