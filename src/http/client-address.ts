import type { Server } from 'bun'
import type { CompiledCidrs } from '../core/address.ts'
import { type ClientAddress, resolveClientAddress } from '../core/client-address.ts'

/** The other end of the socket; tests without a socket bring their own. */
export type PeerAddress = (request: Request, server: Server<unknown> | null) => string | null

export const socketPeer: PeerAddress = (request, server) => server?.requestIP(request)?.address ?? null

/** Who sent a request: the peer, or whom a trusted proxy says it stands for. */
export function clientAddress(request: Request, peer: string | null, trusted: CompiledCidrs): ClientAddress {
  const { headers } = request
  return resolveClientAddress({
    peer,
    // Read only when the peer is trusted, which most are not.
    get forwarded() {
      return headers.get('forwarded')
    },
    get xForwardedFor() {
      return headers.get('x-forwarded-for')
    },
    get xRealIp() {
      return headers.get('x-real-ip')
    },
    trusted,
  })
}
