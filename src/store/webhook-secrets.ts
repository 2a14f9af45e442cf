import type { TransactionSql } from 'postgres'
import { Rejection } from '../core/rejection.ts'
import { type Sealing, secretPlace } from '../core/sealing.ts'

export interface NewSecret {
  readonly label: string
  readonly text: string
}

/**
 * Adds a secret to those of a trigger, sealed where there is a key.
 *
 * @throws Rejection `secret_label_taken`
 */
export async function insertSecret(
  tx: TransactionSql,
  sealing: Sealing,
  triggerId: string,
  { label, text }: NewSecret,
): Promise<void> {
  const { count } = await tx.unsafe(
    `insert into attune.webhook_secret (trigger_id, label, secret) values ($1::bigint, $2, $3)
     on conflict (trigger_id, label) do nothing`,
    [triggerId, label, sealing.seal(text, { triggerId, name: secretPlace(label) })],
  )
  if (count === 0) throw new Rejection('secret_label_taken', `the trigger has a secret ${label}`)
}
