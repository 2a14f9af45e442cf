import { PageHead } from '../kit/layout.tsx'

export function Settings() {
  return <PageHead title="Settings" />
}
