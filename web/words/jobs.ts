// What a job is called in a list: its own name, or the last folders of its way where the name only repeats the paths.

import type { JobView } from '../../src/model/views.ts';

export function jobTitle(job: Pick<JobView, 'name' | 'sources' | 'destinations'>): string {
  const [source = ''] = job.sources;
  if (source === '' || !job.name.startsWith(source)) return job.name;
  const more = job.sources.length > 1 ? ` and ${job.sources.length - 1} more` : '';
  const to = job.destinations.map(lastPart).join(', ');
  return `${lastPart(source)}${more}${to === '' ? '' : ` → ${to}`}`;
}

function lastPart(path: string): string {
  return path.split('/').findLast((part) => part !== '') ?? path;
}
