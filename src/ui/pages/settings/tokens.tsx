import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { KeyRound, Plus } from 'lucide-react'
import { useRef, useState } from 'react'
import type { ApiToken } from '../../../core/administrator.ts'
import { api } from '../../api/client.ts'
import { useSession } from '../../api/session.tsx'
import { Button } from '../../kit/button.tsx'
import { ConfirmDialog } from '../../kit/dialog.tsx'
import { Badge, EmptyState, ErrorState, LoadingRows, toast } from '../../kit/feedback.tsx'
import { Card } from '../../kit/layout.tsx'
import { type Column, Table } from '../../kit/table.tsx'
import { Foreign, Time } from '../../kit/text.tsx'
import { NewToken } from './new-token.tsx'

const KEY = ['tokens'] as const

/** The tokens that open the API and this console, and a way to make and to revoke them. */
export function Tokens() {
  const [isMaking, setMaking] = useState(false)
  const [revoking, setRevoking] = useState<ApiToken | null>(null)
  const newButton = useRef<HTMLButtonElement>(null)
  const client = useQueryClient()
  const { data, error, refetch } = useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => api('GET /api/v1/tokens', { query: { limit: 500 }, signal }),
  })
  const revoke = useMutation({
    mutationFn: ({ id }: ApiToken) => api('DELETE /api/v1/tokens/:id', { params: { id } }),
    onSuccess: (_, { name }) => {
      toast.done(`The token ${name} is revoked`)
      setRevoking(null)
      return client.invalidateQueries({ queryKey: KEY })
    },
    onError: toast.failed,
  })
  return (
    <Card
      title="API tokens"
      isFlush
      actions={
        <Button
          ref={newButton}
          look="primary"
          isSmall
          icon={<Plus aria-hidden className="size-4" />}
          onClick={() => setMaking(true)}
        >
          New token
        </Button>
      }
    >
      {error !== null && <ErrorState error={error} retry={refetch} />}
      {data === undefined && error === null && <LoadingRows />}
      {data?.data.length === 0 && (
        <EmptyState icon={<KeyRound aria-hidden />} title="No API tokens yet">
          Give each person and each program a token of its own, with the least that it needs: then each can be
          revoked alone, and the audit log says who it was.
        </EmptyState>
      )}
      {data !== undefined && data.data.length > 0 && (
        <Table label="API tokens" columns={columns(setRevoking)} rows={data.data} rowKey={({ id }) => id} />
      )}
      <NewToken
        isOpen={isMaking}
        onOpenChange={setMaking}
        onMade={() => client.invalidateQueries({ queryKey: KEY })}
      />
      <ConfirmDialog
        title={`Revoke the token ${revoking?.name ?? ''}?`}
        confirm="Revoke the token"
        isOpen={revoking !== null}
        onOpenChange={() => setRevoking(null)}
        focusAfter={newButton}
        isBusy={revoke.isPending}
        onConfirm={() => revoking !== null && revoke.mutate(revoking)}
      >
        <Own token={revoking} />
        Whatever uses it is refused from now on, sessions in this console too. It cannot be brought back.
      </ConfirmDialog>
    </Card>
  )
}

function Own({ token }: { readonly token: ApiToken | null }) {
  const { name } = useSession()
  return token?.name === name ? (
    <p className="mb-2 font-semibold">It is the one you are signed in with.</p>
  ) : null
}

const isOver = ({ expires }: ApiToken): boolean => expires !== null && Date.parse(expires) <= Date.now()

const columns = (onRevoke: (token: ApiToken) => void): readonly Column<ApiToken>[] => [
  {
    key: 'name',
    title: 'Name',
    cell: ({ name, prefix }) => (
      <>
        <Foreign text={name} className="font-medium" />
        <code className="block font-mono text-sm text-muted">{prefix}…</code>
      </>
    ),
  },
  {
    key: 'role',
    title: 'Role',
    cell: ({ role }) => <Badge tone={role === 'admin' ? 'accent' : 'neutral'}>{role}</Badge>,
  },
  {
    key: 'used',
    isExtra: true,
    title: 'Last used',
    cell: ({ last_used }) =>
      last_used === null ? <span className="text-muted">never</span> : <Time at={last_used} />,
  },
  {
    key: 'expires',
    title: 'Expires',
    cell: (token) => {
      if (token.revoked !== null) return <Badge tone="bad">revoked</Badge>
      if (isOver(token)) return <Badge tone="warn">expired</Badge>
      return token.expires === null ? <span className="text-muted">never</span> : <Time at={token.expires} />
    },
  },
  {
    key: 'created',
    title: 'Created',
    isExtra: true,
    cell: ({ created, created_by }) => (
      <>
        <Time at={created} /> <span className="text-muted">by</span> <Foreign text={created_by} />
      </>
    ),
  },
  {
    key: 'actions',
    title: <span className="sr-only">Actions</span>,
    className: 'text-right',
    cell: (token) =>
      token.revoked === null && (
        <Button isSmall aria-label={`Revoke ${token.name}`} onClick={() => onRevoke(token)}>
          Revoke
        </Button>
      ),
  },
]
