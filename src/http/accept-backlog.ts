import { dlopen, ptr } from 'bun:ffi'
import { readdirSync } from 'node:fs'

/** `bun:ffi` wants a file name; glibc and musl have their own. */
const C_LIBRARIES = ['libc.so.6', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1']

const SYMBOLS = {
  getsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'ptr'], returns: 'i32' },
  setsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'u32'], returns: 'i32' },
  getsockname: { args: ['i32', 'ptr', 'ptr'], returns: 'i32' },
} as const

/** From Linux's asm-generic/socket.h, which x64 and arm64 share. */
const SOL_SOCKET = 1
const SO_ATTACH_FILTER = 26
const SO_ACCEPTCONN = 30

/**
 * Makes this process's listener on `port` deaf to new connections, and to nothing else, while it goes on accepting those that the kernel
 * has queued or is shaking hands with. Closing a listener resets all of these, although their senders believe to be connected; one
 * whose first packet is passed over tries again a second later, and is then refused, or heard by another process.
 *
 * @returns whether that was done: Linux alone can do it. It cannot be undone.
 */
export function refuseNewConnections(port: number): boolean {
  if (process.platform !== 'linux') return false
  try {
    const symbols = openLibrary()
    const listeners = openDescriptors().filter((descriptor) => listensOn(symbols, descriptor, port))
    return listeners.length > 0 && listeners.every((descriptor) => passOverNewcomers(symbols, descriptor))
  } catch {
    // Whatever stands in the way, the listener can be closed without it.
    return false
  }
}

const load = (name: string) => dlopen(name, SYMBOLS).symbols
type Symbols = ReturnType<typeof load>

function openLibrary(): Symbols {
  for (const name of C_LIBRARIES) {
    try {
      return load(name)
    } catch {
      // The next one may be there.
    }
  }
  throw new Error('no C library was found')
}

const openDescriptors = (): number[] => readdirSync('/proc/self/fd').map(Number)

function listensOn({ getsockopt, getsockname }: Symbols, descriptor: number, port: number): boolean {
  const accepts = new Int32Array(1)
  const length = new Uint32Array([accepts.byteLength])
  if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, ptr(accepts), ptr(length)) !== 0) return false
  if (accepts[0] !== 1) return false
  // Large enough for IPv6. Both families have the port in bytes 2 and 3, the higher one first.
  const address = new DataView(new ArrayBuffer(28))
  length[0] = address.byteLength
  return getsockname(descriptor, ptr(address), ptr(length)) === 0 && address.getUint16(2) === port
}

/**
 * A classic BPF program over the TCP header: of the flags in byte 13, SYN without ACK is the first packet of a connection. It
 * is dropped; all others pass whole.
 */
const FILTER: readonly (readonly [code: number, ifTrue: number, ifFalse: number, value: number])[] = [
  [0x30, 0, 0, 13], //          load byte 13
  [0x54, 0, 0, 0x12], //        keep SYN and ACK
  [0x15, 0, 1, 0x02], //        is it SYN alone?
  [0x06, 0, 0, 0], //           then keep no byte of it
  [0x06, 0, 0, 0xffffffff], //  else keep all
]
const INSTRUCTION_BYTES = 8

function passOverNewcomers({ setsockopt }: Symbols, descriptor: number): boolean {
  const instructions = new DataView(new ArrayBuffer(FILTER.length * INSTRUCTION_BYTES))
  for (const [index, [code, ifTrue, ifFalse, value]] of FILTER.entries()) {
    const at = index * INSTRUCTION_BYTES
    instructions.setUint16(at, code, true)
    instructions.setUint8(at + 2, ifTrue)
    instructions.setUint8(at + 3, ifFalse)
    instructions.setUint32(at + 4, value, true)
  }
  // struct sock_fprog: their number, and behind six bytes of padding where they are.
  const program = new DataView(new ArrayBuffer(16))
  program.setUint16(0, FILTER.length, true)
  program.setBigUint64(8, BigInt(ptr(instructions)), true)
  return setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, ptr(program), program.byteLength) === 0
}
