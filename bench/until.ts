const POLL_MS = 25

/**
 * Asks again until the answer is not `null`.
 *
 * @returns that answer, or the one of `otherwise` when `msMax` have passed
 */
export async function until<T>(
  question: () => Promise<T | null>,
  msMax: number,
  otherwise: () => T | Promise<T>,
): Promise<T> {
  const giveUpAtMs = performance.now() + msMax
  for (;;) {
    const answer = await question()
    if (answer !== null) return answer
    if (performance.now() > giveUpAtMs) return otherwise()
    await Bun.sleep(POLL_MS)
  }
}
