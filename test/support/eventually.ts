/**
 * Asks again until the answer is neither false nor null nor undefined, and returns it. A question that throws counts as a no.
 *
 * @throws Error when the deadline passes
 */
export async function eventually<T>(
  question: () => Promise<T> | T,
  msMax = 5_000,
): Promise<Exclude<T, false | null | undefined>> {
  const deadlineMs = performance.now() + msMax
  let last: unknown
  for (;;) {
    try {
      const answer = await question()
      if (answer !== false && answer !== null && answer !== undefined) {
        return answer as Exclude<T, false | null | undefined>
      }
      last = answer
    } catch (error) {
      last = error
    }
    if (performance.now() > deadlineMs) {
      throw new Error(`It did not come true within ${msMax} ms; the last answer: ${String(last)}`)
    }
    await Bun.sleep(10)
  }
}
