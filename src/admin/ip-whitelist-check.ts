import { Type as t } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { IP_WHITELIST_ENTRIES_MAX } from '../core/limits.ts'
import { checkWhitelist } from '../core/whitelist-check.ts'
import { describe } from './describe.ts'
import { jsonBody } from './input.ts'

/** Entries have no bound of their own: what is wrong with one is what this call reports. The body is bounded. */
const WhitelistToCheck = t.Object(
  {
    cidrs: t.Array(t.String(), { maxItems: IP_WHITELIST_ENTRIES_MAX }),
    address: t.Optional(t.String({ maxLength: 255 })),
  },
  { additionalProperties: false },
)

/** Says of a whitelist what saving it would say, entry by entry; it reads and changes nothing. */
export const ipWhitelistCheck = () =>
  new Elysia({ name: 'admin.ip-whitelist-check' }).post(
    '/api/v1/ip-whitelist/check',
    ({ body: { cidrs, address = null } }) => ({ data: checkWhitelist(cidrs, address) }),
    {
      ...jsonBody(WhitelistToCheck),
      ...describe({
        id: 'checkIpWhitelist',
        role: 'viewer',
        summary: 'Judges the entries of a whitelist one by one, and says whether an address would pass',
        answer: { one: 'WhitelistCheck' },
      }),
    },
  )
