import { ListFilter } from 'lucide-react'
import { EmptyState } from '../../kit/feedback.tsx'

/** In place of a list whose filter the server does not take; the field itself says what is wrong. */
export const FilterWrong = () => (
  <EmptyState icon={<ListFilter aria-hidden />} title="A filter is not right">
    The field above says what is wrong with it. Mend it, or take the filter away.
  </EmptyState>
)
