import { createRoot } from 'react-dom/client'

const root = document.getElementById('root')
if (root === null) throw new Error('the document has no root')
createRoot(root).render(<p>console</p>)
