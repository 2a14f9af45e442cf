import { useQuery } from '@tanstack/react-query'
import { api } from '../../api/client.ts'

/** What runs here; it stays so until the server is started again. */
export const useAbout = () =>
  useQuery({
    queryKey: ['about'],
    queryFn: ({ signal }) => api('GET /api/v1/about', { signal }),
  })
