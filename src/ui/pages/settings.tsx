import { useLocation } from 'wouter'
import { useMay } from '../api/session.tsx'
import { PageHead, Tabs } from '../kit/layout.tsx'
import { About } from './settings/about.tsx'
import { AdminAuditLog } from './settings/admin-audit-log.tsx'
import { Configuration } from './settings/configuration.tsx'
import { Tokens } from './settings/tokens.tsx'

/** Who may come in, what they changed, how the server is set up, and what it is made of. Each tab has an address of its own. */
export function Settings() {
  const [path, go] = useLocation()
  const isAdmin = useMay('admin')
  const tabs = [
    ...(isAdmin
      ? [
          { value: 'tokens', label: 'API tokens', content: <Tokens /> },
          { value: 'changes', label: 'Admin audit log', content: <AdminAuditLog /> },
          { value: 'configuration', label: 'Configuration', content: <Configuration /> },
        ]
      : []),
    { value: 'about', label: 'About', content: <About /> },
  ]
  const given = path.split('/')[2]
  const value = tabs.some((tab) => tab.value === given) ? String(given) : (tabs[0]?.value ?? 'about')
  return (
    <>
      <PageHead title="Settings" />
      <Tabs label="Settings" tabs={tabs} value={value} onChange={(next) => go(`/settings/${next}`)} />
    </>
  )
}
