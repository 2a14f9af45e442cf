/** What the kernel says of a process, from `/proc`. Where there is no such thing, as on macOS, the answer is `null`. */
import { readdirSync, readFileSync } from 'node:fs'

/** Linux counts CPU time in these, whatever the machine. */
const TICKS_PER_SECOND = 100

export interface Memory {
  /** Resident now, in MB of 1,000,000 bytes. */
  readonly residentMb: number
  /** The most that was ever resident. */
  readonly peakMb: number
  /** The part of it that is no file, so that no other process can share it. */
  readonly anonymousMb: number
}

/** User and system time of one process, in seconds. */
export function cpuSeconds(pid: number): number | null {
  const stat = readStat(pid)
  return stat === null ? null : (stat.userTicks + stat.systemTicks) / TICKS_PER_SECOND
}

/** The same of a process, its living children, and those that it has seen end: a PostgreSQL server with its connections. */
export function familyCpuSeconds(parentPid: number): number | null {
  const parent = readStat(parentPid)
  if (parent === null) return null
  let ticks = parent.userTicks + parent.systemTicks + parent.endedChildrenTicks
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    const stat = pid > 0 ? readStat(pid) : null
    if (stat?.parentPid === parentPid) ticks += stat.userTicks + stat.systemTicks
  }
  return ticks / TICKS_PER_SECOND
}

export function memory(pid: number): Memory | null {
  const status = read(`/proc/${pid}/status`)
  if (status === null) return null
  const megabytes = (field: string): number =>
    (Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? Number.NaN) * 1024) / 1e6
  return {
    residentMb: megabytes('VmRSS'),
    peakMb: megabytes('VmHWM'),
    anonymousMb: megabytes('RssAnon'),
  }
}

/** The parent of a process on this host, when it has the given name. */
export function parentOf(pid: number, name: string): number | null {
  const stat = readStat(pid)
  return stat?.name === name ? stat.parentPid : null
}

function readStat(pid: number) {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === null) return null
  // The name stands in brackets and may hold any character; the fields behind it are counted from the third of proc(5).
  const end = stat.lastIndexOf(')')
  const fields = stat.slice(end + 2).split(' ')
  const field = (number: number): number => Number(fields[number - 3])
  return {
    name: stat.slice(stat.indexOf('(') + 1, end),
    parentPid: field(4),
    userTicks: field(14),
    systemTicks: field(15),
    endedChildrenTicks: field(16) + field(17),
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
