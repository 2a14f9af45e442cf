type Step = () => Promise<unknown> | unknown

/** What has to be undone however the benchmark ends; a signal undoes all of it, from the last step to the first. */
const steps: Step[] = []

/** Runs `work`, and then undoes what it handed to `defer`, the last thing first. */
export async function scoped<T>(work: (defer: (step: Step) => void) => Promise<T>): Promise<T> {
  const outer = steps.length
  try {
    return await work((step) => steps.push(step))
  } finally {
    await undo(outer)
  }
}

/** Undoes everything that is still to be undone; what fails is not in the way of the rest. */
export const undoAll = (): Promise<void> => undo(0)

async function undo(outer: number): Promise<void> {
  while (steps.length > outer) {
    try {
      await steps.pop()?.()
    } catch (error) {
      process.stderr.write(`bench: could not clean up: ${String(error)}\n`)
    }
  }
}
