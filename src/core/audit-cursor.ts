import { decodeCursor, encodeCursor } from './cursor.ts'

/** The last row of a page of the admin audit log: its rows are in the order of their times, and of their ids within one millisecond. */
export interface AuditPosition {
  readonly created: Date
  readonly id: bigint
}

export const encodeAuditCursor = ({ created, id }: AuditPosition): string =>
  encodeCursor(`${created.getTime()} ${id}`)

const POSITION = /^([0-9]{1,15}) ([1-9][0-9]{0,18})$/
const BIGINT_MAX = 2n ** 63n - 1n

/** @returns `null` for what is no cursor of ours */
export function decodeAuditCursor(text: string): AuditPosition | null {
  const [, createdMs, id] = POSITION.exec(decodeCursor(text) ?? '') ?? []
  if (createdMs === undefined || id === undefined || BigInt(id) > BIGINT_MAX) return null
  return { created: new Date(Number(createdMs)), id: BigInt(id) }
}
