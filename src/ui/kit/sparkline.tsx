/** Bars over time, the refused part on top. A picture for the eye; `label` says it in words. */
export function Sparkline({
  accepted,
  refused,
  label,
}: {
  readonly accepted: readonly number[]
  readonly refused: readonly number[]
  readonly label: string
}) {
  const most = Math.max(1, ...accepted.map((count, index) => count + (refused[index] ?? 0)))
  const width = 100 / Math.max(1, accepted.length)
  return (
    <svg role="img" aria-label={label} viewBox="0 0 100 24" preserveAspectRatio="none" className="h-6 w-28">
      {accepted.map((count, index) => {
        const up = (count / most) * 24
        const over = ((refused[index] ?? 0) / most) * 24
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a bar is its place in time
          <g key={index}>
            <rect
              x={index * width}
              y={24 - Math.max(up, count > 0 ? 1 : 0)}
              width={width * 0.75}
              height={Math.max(up, count > 0 ? 1 : 0)}
              fill="var(--chart-accepted)"
            />
            <rect
              x={index * width}
              y={24 - up - over}
              width={width * 0.75}
              height={over}
              fill="var(--chart-signature)"
            />
          </g>
        )
      })}
      <line x1="0" x2="100" y1="23.75" y2="23.75" stroke="var(--line)" strokeWidth="0.5" />
    </svg>
  )
}
