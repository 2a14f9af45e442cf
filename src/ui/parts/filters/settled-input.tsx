import { type ComponentProps, useEffect, useEffectEvent, useState } from 'react'
import { SearchInput } from '../../kit/form.tsx'

const SETTLED_MS = 350

/** A search field that speaks when its text has come to rest, and follows when it is set from elsewhere. */
export function SettledInput({
  value,
  onSettled,
  ...rest
}: Omit<ComponentProps<typeof SearchInput>, 'value' | 'onChange'> & {
  readonly value: string
  readonly onSettled: (value: string) => void
}) {
  const [text, setText] = useState(value)
  const [before, setBefore] = useState(value)
  if (value !== before) {
    setBefore(value)
    setText(value)
  }
  const settle = useEffectEvent(() => {
    if (text.trim() !== value) onSettled(text.trim())
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: each change of the text begins the wait anew
  useEffect(() => {
    const timer = setTimeout(settle, SETTLED_MS)
    return () => clearTimeout(timer)
  }, [text])
  return <SearchInput {...rest} value={text} onChange={(event) => setText(event.target.value)} />
}
