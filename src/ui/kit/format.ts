/** Numbers and times as the reader's own browser writes them. */
const LOCALE = undefined

const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 })
const compact = new Intl.NumberFormat(LOCALE, { notation: 'compact', maximumFractionDigits: 1 })
const percent = new Intl.NumberFormat(LOCALE, { style: 'percent', maximumFractionDigits: 1 })
const oneDecimal = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1 })
const instant = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium', timeStyle: 'medium' })
const hourAndMinute = new Intl.DateTimeFormat(LOCALE, { hour: '2-digit', minute: '2-digit' })
const dayAndMonth = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'short' })
const clock = new Intl.DateTimeFormat(LOCALE, { timeStyle: 'medium' })
const relative = new Intl.RelativeTimeFormat(LOCALE, { numeric: 'auto', style: 'short' })

export const formatNumber = (value: number): string => whole.format(value)
export const formatCompact = (value: number): string => compact.format(value)
export const formatInstant = (value: string | number | Date): string => instant.format(new Date(value))
export const formatClock = (value: string | number | Date): string => clock.format(new Date(value))

const DAY_SECONDS = 86_400

/** The marks along an axis of time, `stepSeconds` apart: the hour, with the day below it where one begins; of whole days, the day. */
export function formatTicks(seconds: readonly number[], stepSeconds: number): string[] {
  const dayOf = (at: number | undefined): string =>
    at === undefined ? '' : dayAndMonth.format(new Date(at * 1_000))
  if (stepSeconds >= DAY_SECONDS) return seconds.map(dayOf)
  return seconds.map((at, index) => {
    const hour = hourAndMinute.format(new Date(at * 1_000))
    return dayOf(at) === dayOf(seconds[index - 1]) ? hour : `${hour}\n${dayOf(at)}`
  })
}

/** A share of a whole; a dash of nothing. */
export const formatShare = (part: number, total: number): string =>
  total === 0 ? '–' : percent.format(part / total)

/** `bytes` in units of 1,024. */
export function formatBytes(bytes: number | null): string {
  if (bytes === null) return '–'
  if (bytes < 1_024) return `${whole.format(bytes)} B`
  const units = ['KiB', 'MiB', 'GiB', 'TiB']
  const exponent = Math.min(Math.floor(Math.log2(bytes) / 10), units.length)
  return `${oneDecimal.format(bytes / 1_024 ** exponent)} ${units[exponent - 1]}`
}

export function formatMs(ms: number | null): string {
  if (ms === null) return '–'
  if (ms < 1) return `${whole.format(ms * 1_000)} µs`
  return ms < 1_000 ? `${oneDecimal.format(ms)} ms` : `${oneDecimal.format(ms / 1_000)} s`
}

const STEPS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
]

/** How long ago, or how long until. */
export function formatRelative(value: string | number | Date, nowMs = Date.now()): string {
  const seconds = Math.round((new Date(value).getTime() - nowMs) / 1_000)
  const step = STEPS.find(([, length]) => Math.abs(seconds) >= length)
  if (step === undefined) return 'just now'
  return relative.format(Math.trunc(seconds / step[1]), step[0])
}

/** A whole number of seconds in the largest unit that fits evenly, such as `5 minutes`. */
export function formatSeconds(seconds: number): string {
  const units = [
    ['day', 86_400],
    ['hour', 3_600],
    ['minute', 60],
  ] as const
  const [name, length] =
    units.find(([, size]) => seconds >= size && seconds % size === 0) ?? (['second', 1] as const)
  return new Intl.NumberFormat(LOCALE, { style: 'unit', unit: name, unitDisplay: 'long' }).format(
    seconds / length,
  )
}
