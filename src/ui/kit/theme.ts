import { useSyncExternalStore } from 'react'

export type Theme = 'system' | 'light' | 'dark'

const KEY = 'attune-theme'
const isDarkSystem = matchMedia('(prefers-color-scheme: dark)')
const listeners = new Set<() => void>()

const chosen = (): Theme => {
  const value = localStorage.getItem(KEY)
  return value === 'light' || value === 'dark' ? value : 'system'
}

const effective = (): 'light' | 'dark' => {
  const theme = chosen()
  if (theme !== 'system') return theme
  return isDarkSystem.matches ? 'dark' : 'light'
}

/** Puts the theme in force, at the start and whenever it changes. */
export function applyTheme(): void {
  document.documentElement.dataset['theme'] = effective()
  for (const listener of listeners) listener()
}

isDarkSystem.addEventListener('change', applyTheme)

export function setTheme(theme: Theme): void {
  if (theme === 'system') localStorage.removeItem(KEY)
  else localStorage.setItem(KEY, theme)
  applyTheme()
}

const subscribe = (listener: () => void) => {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** What was chosen, and what is seen. */
export const useTheme = (): readonly [Theme, 'light' | 'dark'] => [
  useSyncExternalStore(subscribe, chosen),
  useSyncExternalStore(subscribe, effective),
]
