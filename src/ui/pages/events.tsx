import { PageHead } from '../kit/layout.tsx'

export function Events() {
  return <PageHead title="Events" />
}
