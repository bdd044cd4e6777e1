// The sync contract of older clients: start, look, cancel; and the presets that answer when they have ended.

import type { PresetBody } from '../../model/sync-contract.ts';
import { type ContractRun, contractTime } from '../contract/contract-progress.ts';
import { type RouteCall, route, type Services } from '../route.ts';

const started = ({ id, syncId }: ContractRun) => ({
  success: true as const,
  job_id: id,
  sync_id: syncId,
  message: 'Sync started successfully',
});

async function runPreset(name: string, body: PresetBody, { contract }: Services, { caller, signal }: RouteCall) {
  const run = await contract.startPreset(name, body, caller?.name);
  await contract.ended(run, signal);
  const { status, result } = await contract.status(run);
  const { success } = result ?? { success: false };
  return {
    ...started(run),
    success,
    status,
    message: success ? 'Sync completed successfully' : 'Sync did not succeed',
    result: result ?? { success, files_transferred: 0, bytes_transferred: 0, duration: 0, errors: [] },
  };
}

export const contractRoutes = [
  route('startContractSync', async ({ body }, { contract }, { caller }) =>
    started(await contract.start(body, caller?.name)),
  ),
  route('getContractStatus', async ({ params }, { contract }) => {
    const run = contract.known(params.id);
    const { status, endedAt, result } = await contract.status(run);
    const end_time = endedAt === null ? null : contractTime(endedAt);
    return {
      success: true as const,
      job: { id: run.id, status, start_time: contractTime(run.startedAt), end_time, result },
    };
  }),
  route('getContractProgress', async ({ params }, { contract }) => ({
    success: true as const,
    progress: await contract.progress(contract.known(params.id)),
  })),
  route('listContractActive', async (_, { contract }) => {
    const jobs = (await contract.active()).map(({ run, status }) => ({
      ...{ id: run.id, status, start_time: contractTime(run.startedAt) },
      ...{ source_type: run.sourceType, source_host: run.sourceHost },
    }));
    return { success: true as const, jobs, count: jobs.length };
  }),
  route('cancelContractSync', async ({ params }, { contract }) => {
    await contract.cancel(contract.known(params.id));
    return { success: true as const, message: 'Sync cancelled successfully' };
  }),
  route('syncForge', ({ body }, services, call) => runPreset('forge', body, services, call)),
  route('syncComfy', ({ body }, services, call) => runPreset('comfyui', body, services, call)),
  route('syncVastai', ({ body }, services, call) => runPreset('vastai', body, services, call)),
];
