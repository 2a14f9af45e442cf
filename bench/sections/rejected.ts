/** Each kind of rejection against C: turning someone away must cost hardly more than answering at all. */
import { type Bench, openCeiling, openOurs } from '../bench.ts'
import { scoped } from '../cleanup.ts'
import { type Contestant, ceiling } from '../contestant.ts'
import { ALL_CHECKS, createTriggers, type Ours, TRIGGERS, type TriggerSettings, WHITELIST } from '../ours.ts'
import { number, table } from '../report.ts'
import { measureByTurns, ratioOf, showRuns } from '../rounds.ts'
import { problemsOfTrail } from '../trail.ts'
import { forgedRequests, signedRequests, type WebhookRequest } from '../webhook-request.ts'

const CONNECTIONS = 64

export const rejected = (bench: Bench): Promise<void> =>
  scoped(async (defer) => {
    const { report, databases, profile } = bench
    const database = await databases.createDatabase()
    const server = await openOurs(bench, database, defer)
    const senders = await createTriggers(server, 'open', TRIGGERS)
    const rejections = (await rejectionsOf(server, forgedRequests(senders))).map(
      ({ label, requests }): Contestant => ({
        label,
        server,
        requests,
        expects: 'rejection',
        postgresqlCpu: () => databases.cpuSeconds(),
        startCounting: null,
      }),
    )
    const top = ceiling(await openCeiling(bench, senders, defer), signedRequests(senders))
    const runs = await measureByTurns(bench, [top, ...rejections], [CONNECTIONS], profile.sideSeconds)
    showRuns('rejected at each step of A, against C', runs)

    const answers = runs.filter(({ label }) => label !== top.label).reduce((sum, run) => sum + run.answers, 0)
    report.addProblems(await problemsOfTrail(server, database, answers))
    const ratios = rejections.map(({ label }) => ({
      label,
      ratio: ratioOf(runs, label, top.label, CONNECTIONS),
    }))
    const rows = ratios.map(({ label, ratio }) => [label, number(ratio)])
    table('ratios of requests/s, the middle of all rounds', ['step', 'A/C'], rows)
    report.addRaw('rejected', { runs, ratios })
    report.addFigure('rejectedToCeiling', Math.min(...ratios.map(({ ratio }) => ratio)))
  })

interface Rejection {
  readonly label: string
  readonly requests: readonly WebhookRequest[]
}

/** Every other check is on, and all requests but the forged ones are signed. */
async function rejectionsOf(server: Ours, forged: readonly WebhookRequest[]): Promise<Rejection[]> {
  const signed = async (name: string, settings: Partial<TriggerSettings>) =>
    signedRequests(await createTriggers(server, name, TRIGGERS, { ...ALL_CHECKS, ...settings }))
  const limited = await signed('limited', { rateLimit: { requests: 1, window_seconds: 3_600 } })
  for (const request of limited) await exhaustLimit(server, request)
  return [
    { label: '3 webhook_disabled', requests: await signed('disabled', { enabled: false }) },
    { label: '5 ip_not_allowed', requests: await signed('elsewhere', { whitelist: WHITELIST.slice(0, -1) }) },
    { label: '6 rate_limited', requests: limited },
    { label: '7 signature_invalid', requests: forged },
  ]
}

/** A window that ends in between lets one more in, so it takes three requests at most. */
async function exhaustLimit({ url }: Ours, { path, headers, body }: WebhookRequest): Promise<void> {
  for (let count = 0; count < 3; count += 1) {
    const { status } = await fetch(`${url}${path}`, { method: 'POST', headers, body })
    if (status === 429) return
  }
  throw new Error('A rate limit of one request was not used up by three.')
}
