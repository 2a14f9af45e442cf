import { PageHead } from '../kit/layout.tsx'

export function Log() {
  return <PageHead title="Event log" />
}
