import { goSample } from './go.ts'
import { nodeSample } from './node.ts'
import { phpSample } from './php.ts'
import { pythonSample } from './python.ts'
import type { Recipe } from './recipe.ts'
import { rubySample } from './ruby.ts'
import { shellSample } from './shell.ts'

/** The languages in which a request can be shown, by the values of their tabs. */
export const SAMPLES: readonly {
  readonly value: string
  readonly label: string
  readonly write: (recipe: Recipe) => string
}[] = [
  { value: 'curl', label: 'curl', write: shellSample },
  { value: 'node', label: 'Node.js', write: nodeSample },
  { value: 'python', label: 'Python', write: pythonSample },
  { value: 'go', label: 'Go', write: goSample },
  { value: 'php', label: 'PHP', write: phpSample },
  { value: 'ruby', label: 'Ruby', write: rubySample },
]

export { type Recipe, recipeOf, SECRET_VARIABLE } from './recipe.ts'
