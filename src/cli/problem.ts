import { visibleText } from '../core/visible-text.ts'
import { Failure, Refused } from './command.ts'

/** The admin API could not be asked, or did not do it. `status` is `null` when there was no answer. */
export class ApiFailure extends Failure {
  readonly status: number | null

  constructor(status: number | null, message: string) {
    super(message)
    this.status = status
  }
}

/**
 * What the admin API says is wrong, in lines for the operator: `Refused` for what was typed, and else an `ApiFailure`.
 *
 * @param tokenOrigin - file or variable that the token was read from, shown when the token is refused
 */
export async function problemOf(response: Response, tokenOrigin: string): Promise<ApiFailure | Refused> {
  const { status } = response
  const { origin } = new URL(response.url)
  const problem = parseProblem(await response.text().catch(() => ''))
  if (problem === null) {
    return new ApiFailure(status, `${origin} answered ${status} without an explanation; is it the admin API?`)
  }
  if (status === 422 && problem.errors.length > 0) {
    return new Refused(problem.errors.map(visibleText).join('\n  '))
  }
  const lines = [
    `${problem.code}: ${problem.detail} (${status} from ${origin})`,
    ...problem.errors.map((text) => `  ${text}`),
  ]
  if (problem.code === 'route_unknown') lines.push('  is this the address of the admin API?')
  if (status === 401) lines.push(`  the token came from ${tokenOrigin}`)
  if (status >= 500 && problem.requestId !== null) lines.push(`  request id ${problem.requestId}`)
  const text = lines.map(visibleText).join('\n')
  return status === 422 ? new Refused(text) : new ApiFailure(status, text)
}

/** Reads an RFC 9457 document with the members of this house: `code`, `request_id`, `errors`. */
function parseProblem(text: string) {
  try {
    const problem: unknown = JSON.parse(text)
    if (typeof problem !== 'object' || problem === null) return null
    const member = (name: string): string | null => {
      const value: unknown = Reflect.get(problem, name)
      return typeof value === 'string' ? value : null
    }
    const code = member('code')
    if (code === null) return null
    const errors: unknown = Reflect.get(problem, 'errors')
    return {
      code,
      detail: member('detail') ?? member('title') ?? '',
      requestId: member('request_id'),
      errors: Array.isArray(errors) ? errors.map(fieldProblemText) : [],
    }
  } catch {
    return null
  }
}

function fieldProblemText(problem: unknown): string {
  const { field, message } = Object(problem) as { field?: unknown; message?: unknown }
  return `${String(field ?? '')}: ${String(message ?? '')}`
}
