import { formatNumber } from '../../kit/format.ts'

/** What was typed as a whole number from `least` to `most`; `null`: it is none. */
export function wholeIn(text: string, least: number, most: number): number | null {
  const value = /^\d{1,15}$/.test(text.trim()) ? Number(text) : Number.NaN
  return value >= least && value <= most ? value : null
}

/** What is wrong with it; `null`: nothing. */
export const unlessWholeIn = (text: string, least: number, most: number): string | null =>
  wholeIn(text, least, most) === null
    ? `A whole number from ${formatNumber(least)} to ${formatNumber(most)}`
    : null
