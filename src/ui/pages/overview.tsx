import { PageHead } from '../kit/layout.tsx'

export function Overview() {
  return <PageHead title="Overview" />
}
