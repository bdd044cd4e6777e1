// Which events a webhook asks for, checked against those that there are.

import { z } from 'zod';
import { eventNames } from './event.ts';
import { nearestWord } from './nearest-word.ts';
import { wants } from './webhook.ts';

/** A name that stands for no event would be waited for in vain. */
export const webhookEventsSchema = z
  .array(
    z
      .string()
      .min(1)
      .max(200)
      .superRefine((pattern, context) => {
        if (eventNames.some((name) => wants({ events: [pattern] }, name))) return;
        const near = nearestWord(pattern, eventNames);
        const hint = near === undefined ? '' : ` Did you mean ${near}?`;
        context.addIssue({ code: 'custom', message: `"${pattern}" is no event that is sent.${hint}` });
      }),
  )
  .min(1)
  .max(100)
  .describe('Names of events, or beginnings of names with *: observation.transfer.*');
