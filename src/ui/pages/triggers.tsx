import { PageHead } from '../kit/layout.tsx'

export function Triggers() {
  return <PageHead title="Triggers" />
}
