import { useState } from 'react'
import { Button, CopyButton } from '../../kit/button.tsx'
import { formatNumber } from '../../kit/format.ts'
import { ScrollBox } from '../../kit/layout.tsx'
import { visible } from '../../kit/text.tsx'

/** As many characters at a time as a browser lays out without a halt. */
const STEP_LENGTH = 20_000

/** A text as it was sent, a part at a time; marks that turn or hide text are shown as their codes. */
export function Raw({ text, isExact }: { readonly text: string; readonly isExact: boolean }) {
  const [length, setLength] = useState(STEP_LENGTH)
  const rest = text.length - length
  return (
    <div className="space-y-2">
      {!isExact && (
        <p className="text-sm text-muted">
          Not all of it is text in UTF-8: what is not stands as �. The bytes are shown under Hex.
        </p>
      )}
      <ScrollBox label="Payload as text" className="max-h-112 border border-line bg-sunken p-3">
        <pre className="foreign font-mono text-sm whitespace-pre-wrap">{visible(text.slice(0, length))}</pre>
      </ScrollBox>
      <div className="flex flex-wrap items-center gap-2">
        <CopyButton text={text} label="Copy the text" />
        {rest > 0 && (
          <Button isSmall look="quiet" onClick={() => setLength(length + STEP_LENGTH)}>
            Show more ({formatNumber(rest)} characters are left)
          </Button>
        )}
      </div>
    </div>
  )
}
