// A process that offloads two devices and processes their files, and kills itself right after a commit that it was told: `FOLDER LOG KILL_AT`.

import { appendFileSync } from 'node:fs';
import { createMemoryDevices } from './memory-devices.ts';
import { deviceFile, openOffloadRig, pipelineOf, step } from './offload-rig.ts';

const [, , folder = '', log = '', killAt = '0'] = process.argv;
const note = (line: string) => appendFileSync(log, `${line}\n`);

export const offloadedFiles = [
  ...Array.from({ length: 3 }, (_, at) => deviceFile(`DCIM/${at}.mp4`, 9_000_000 + at)),
  ...Array.from({ length: 6 }, (_, at) => deviceFile(`DCIM/${at}.jpg`, 30_000 + at)),
];

let commits = 0;
const devices = createMemoryDevices();
devices.beforeChunk = (path, at) => {
  if (at === 0) note(`read ${path}`);
  return undefined;
};
const begin = (name: string) => step(name, `echo "begun ${name} $1" >> '${log}'; cat "$1" > "$2"`);
const rig = await openOffloadRig({
  folder,
  devices,
  pipelines: [pipelineOf(begin('first'), begin('second'))],
  wrapStore: (store) => ({
    ...store,
    apply: async (changes) => {
      const results = await store.apply(changes);
      for (const change of changes) {
        if (change.kind === 'finish_pack') for (const { source } of change.transfers) note(`arrived ${source.path}`);
        if (change.kind === 'update_transfer' && change.receipt !== undefined)
          note(`arrived ${change.transfer.source.path}`);
        if (change.kind !== 'put_document' || change.collection !== 'steps') continue;
        const { done } = change.value as { done: readonly { step: string; derived: readonly { path: string }[] }[] };
        for (const { derived } of done) note(`done ${derived[0]?.path}`);
      }
      commits += 1;
      if (commits === Number(killAt)) process.kill(process.pid, 'SIGKILL');
      return results;
    },
  }),
});
for (const id of ['one', 'two']) {
  const files = offloadedFiles.map((file) => ({ ...file, path: file.path.replace('DCIM', `DCIM/${id}`) }));
  devices.add(id, files);
  const jobs = (await rig.store.jobs({})).rows.filter(({ spec }) => (spec as { device: string }).device === id);
  if (jobs.length === 0) await rig.engine.queueBatch({ device: id });
}
for (const { id } of (await rig.store.jobs({})).rows) await rig.engine.settled(id);
note('end');
await rig.close();
