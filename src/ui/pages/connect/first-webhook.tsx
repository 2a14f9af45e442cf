import type { Scheme } from '../../../admin/models.ts'
import type { Trigger } from '../../../core/trigger.ts'
import { Card } from '../../kit/layout.tsx'
