import { PageHead } from '../kit/layout.tsx'

export function TestTool() {
  return <PageHead title="Test tool" />
}
