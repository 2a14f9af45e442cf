import { VirtualLines } from './virtual-lines.tsx'

const LINE_BYTES = 16
const LINE_HEIGHT_PX = 22

/** Bytes as they are: their place, sixteen of them, and which of them are letters. */
export function Hex({ bytes }: { readonly bytes: Uint8Array }) {
  return (
    <VirtualLines
      label="Payload as bytes"
      count={Math.ceil(bytes.byteLength / LINE_BYTES)}
      lineHeightPx={LINE_HEIGHT_PX}
      line={(line) => {
        const part = bytes.subarray(line * LINE_BYTES, (line + 1) * LINE_BYTES)
        return (
          <div
            key={line}
            dir="ltr"
            className="flex gap-4 px-3 leading-[22px] whitespace-pre"
            style={{ height: LINE_HEIGHT_PX }}
          >
            <span className="text-muted">{(line * LINE_BYTES).toString(16).padStart(8, '0')}</span>
            <span>{hexOf(part)}</span>
            <span className="text-muted">{lettersOf(part)}</span>
          </div>
        )
      }}
    />
  )
}

const hexOf = (part: Uint8Array): string =>
  Array.from(part, (byte) => byte.toString(16).padStart(2, '0'))
    .join(' ')
    .padEnd(LINE_BYTES * 3 - 1)

const lettersOf = (part: Uint8Array): string =>
  Array.from(part, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·')).join('')
