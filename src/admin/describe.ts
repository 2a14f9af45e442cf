import type { Role } from '../core/administrator.ts'
import type { RejectionCode } from '../core/rejection.ts'
import type { ModelName } from './models.ts'

/** Who may use a route. Nobody: whoever does has still to show who it is, with the very request. */
export type RouteRole = Role | 'nobody'

/** What the route table cannot say of a route by itself. */
export interface Description {
  /** `operationId`: unique, a verb and a noun. */
  readonly id: string
  readonly summary: string
  /** The least that somebody has to be. Default `admin`. */
  readonly role?: RouteRole
  /** The success. Default 200. */
  readonly status?: number
  /** A model in `{data}`, a list of them in `{data, next_cursor}`, or the content type of anything else. */
  readonly answer?:
    | { readonly one: ModelName }
    | { readonly list: ModelName }
    | { readonly types: readonly string[] }
  /** Rejections beyond those that follow from the path and the input, which `openapi.ts` adds. */
  readonly codes?: readonly RejectionCode[]
}

/** For the options of a route: what the OpenAPI document says of it. */
export const describe = (description: Description): { readonly detail: object } => ({
  detail: { description },
})

/** @returns `null` for a route that does not describe itself */
export const descriptionOf = (detail: unknown): Description | null =>
  (detail as { description?: Description } | undefined)?.description ?? null
