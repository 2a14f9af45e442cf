/**
 * What the operator can mend: a database that cannot be reached, a schema of a newer release, a port that is taken. The message is
 * complete without a stack: it names what is wrong and the fix, and holds no secret.
 */
export class OperatorError extends Error {
  override readonly name: string = 'OperatorError'
}
