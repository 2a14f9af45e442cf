import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import type { OutcomeBucket } from '../../core/overview.ts'
import { formatClock, formatInstant, formatNumber, formatTicks } from './format.ts'
import { useTheme } from './theme.ts'

/** What became of attempts, from the bottom of a bar to its top. */
export const OUTCOMES = [
  { key: 'accepted', label: 'Accepted', colour: '--chart-accepted' },
  { key: 'signature_refused', label: 'Signature refused', colour: '--chart-signature' },
  { key: 'ip_refused', label: 'Address refused', colour: '--chart-ip' },
  { key: 'rate_limited', label: 'Rate limited', colour: '--chart-rate' },
  { key: 'otherwise_refused', label: 'Otherwise refused', colour: '--chart-other' },
] as const

const HEIGHT_PX = 220

/** Attempts over time by outcome, as stacked bars, with a table of the same for whoever cannot see them. */
export function OutcomeChart({
  buckets,
  label,
}: {
  readonly buckets: readonly OutcomeBucket[]
  readonly label: string
}) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  const [, theme] = useTheme()
  // biome-ignore lint/correctness/useExhaustiveDependencies: the colours are read anew when the theme changes
  useEffect(() => {
    const { current } = place
    if (current === null) return
    plot.current = new uPlot(options(current.clientWidth), stacked([]), current)
    const resizing = new ResizeObserver(() =>
      plot.current?.setSize({ width: current.clientWidth, height: HEIGHT_PX }),
    )
    resizing.observe(current)
    return () => {
      resizing.disconnect()
      plot.current?.destroy()
    }
  }, [theme])
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new theme makes a new plot, which wants its data
  useEffect(() => {
    plot.current?.setData(stacked(buckets))
  }, [buckets, theme])
  return (
    <figure>
      <div ref={place} aria-hidden className="w-full" style={{ height: HEIGHT_PX }} />
      <figcaption className="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-sm text-muted">
        {OUTCOMES.map(({ key, label: name, colour }) => (
          <span key={key} className="inline-flex items-center gap-1.5">
            <span aria-hidden className="size-2.5 rounded-sm" style={{ background: `var(${colour})` }} />
            {name}
          </span>
        ))}
      </figcaption>
      {/* A table is as wide as what is in it, whatever its class says. */}
      <div className="sr-only">
        <table>
          <caption>{label}</caption>
          <thead>
            <tr>
              <th scope="col">Time</th>
              {OUTCOMES.map(({ key, label: name }) => (
                <th key={key} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {buckets.map((bucket) => (
              <tr key={bucket.at}>
                <th scope="row">{formatInstant(bucket.at)}</th>
                {OUTCOMES.map(({ key }) => (
                  <td key={key}>{formatNumber(bucket[key])}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </figure>
  )
}

/** Sums from the bottom, since uPlot draws each series from zero: the last one is drawn first, and the others over it. */
function stacked(buckets: readonly OutcomeBucket[]): uPlot.AlignedData {
  const sums = buckets.map(() => 0)
  const series = OUTCOMES.map(({ key }) =>
    buckets.map((bucket, index) => {
      sums[index] = (sums[index] ?? 0) + bucket[key]
      return sums[index] ?? 0
    }),
  )
  return [buckets.map(({ at }) => Date.parse(at) / 1_000), ...series.toReversed()]
}

function options(width: number): uPlot.Options {
  const style = getComputedStyle(document.documentElement)
  const colour = (name: string): string => style.getPropertyValue(name).trim()
  const axis = {
    stroke: colour('--muted'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  }
  const bars = uPlot.paths.bars?.({ size: [0.8, 40] })
  return {
    width,
    height: HEIGHT_PX,
    cursor: { drag: { x: false, y: false }, points: { show: false } },
    legend: { show: false },
    scales: { y: { range: (_, __, most) => [0, Math.max(4, most * 1.1)] } },
    axes: [
      { ...axis, space: 72, values: (_, seconds, __, ___, stepSeconds) => formatTicks(seconds, stepSeconds) },
      { ...axis, size: 56, values: (_, values) => values.map((value) => formatNumber(value)) },
    ],
    series: [
      { value: (_, seconds) => formatClock(seconds * 1_000) },
      ...OUTCOMES.toReversed().map(({ label, colour: name }) => ({
        label,
        fill: colour(name),
        width: 0,
        points: { show: false },
        ...(bars !== undefined && { paths: bars }),
      })),
    ],
  }
}
