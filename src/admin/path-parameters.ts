import { Type as t } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { Rejection } from '../core/rejection.ts'
import { requestIdTimeMs } from '../core/request-id.ts'
import { TriggerRef } from '../core/trigger.ts'
import { checkedBy } from './input.ts'
import { isIdentity } from './lists.ts'

const RefParameter = t.Object({ ref: TriggerRef })
const IdParameter = t.Object({ id: t.String({ format: 'uuid' }) })

/** A text that no trigger can have leads nowhere, like one that no trigger has. */
export const refInPath = {
  params: checkedBy(RefParameter, (params) => {
    if (Value.Check(RefParameter, params)) return params
    throw new Rejection('trigger_unknown', 'the path has no valid ref')
  }),
}

/** Likewise: every event and every row of the log has the request id of its attempt. */
const requestIdInPath = (unknown: 'event_unknown' | 'log_row_unknown') => ({
  params: checkedBy(IdParameter, (params) => {
    const { id } = params as { id: unknown }
    if (typeof id === 'string' && requestIdTimeMs(id) !== null) return { id }
    throw new Rejection(unknown, 'the path has no valid id')
  }),
})

const TokenIdParameter = t.Object({ id: t.String() })

/** Likewise: tokens are numbered. */
export const tokenIdInPath = {
  params: checkedBy(TokenIdParameter, (params) => {
    const { id } = params as { id: unknown }
    if (typeof id === 'string' && isIdentity(id)) return { id }
    throw new Rejection('token_unknown', 'the path has no valid id')
  }),
}

export const eventIdInPath = requestIdInPath('event_unknown')
export const logRowIdInPath = requestIdInPath('log_row_unknown')
