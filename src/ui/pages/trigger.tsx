import { PageHead } from '../kit/layout.tsx'

export function TriggerPage({ triggerRef }: { readonly triggerRef: string }) {
  return <PageHead title={triggerRef} />
}
