import type { Trigger } from '../core/trigger.ts'
import { type AdminClient, printAnswer, triggerPath } from './admin-client.ts'
import type { CommandContext } from './command.ts'
import { fieldLines } from './output.ts'

/** The settings of a trigger's webhook that answer with the whole trigger. */
type WebhookSetting =
  | 'hmac'
  | 'verification'
  | 'deduplication'
  | 'rate-limit'
  | 'ip-whitelist'
  | 'payload-limit'

interface Change {
  readonly ref: string
  readonly setting: WebhookSetting
  /** What to set; without it the setting is switched off, or back to its default. */
  readonly json?: unknown
}

/** Changes one security setting and prints the trigger as it is then. */
export async function changeSetting(
  client: AdminClient,
  { ref, setting, json }: Change,
  output: { readonly json: boolean | undefined; readonly context: CommandContext },
): Promise<number> {
  const path = triggerPath(ref, `/webhooks/${setting}`)
  const answer =
    json === undefined
      ? await client.call<Trigger>('DELETE', path)
      : await client.call<Trigger>('PUT', path, { json })
  printAnswer(answer, output, ({ data }) => fieldLines(data))
  return 0
}
