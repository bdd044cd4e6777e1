// The part of the route table that older clients of syncs speak. Its refusals are {success: false, error}, not problem documents.

import {
  activeSchema,
  cancelledSchema,
  contractJobSchema,
  presetBodySchema,
  progressAnswerSchema,
  ranSchema,
  startBodySchema,
  startedSchema,
} from '../model/sync-contract.ts';
import { id } from './route-parts.ts';

const preset = (name: string) =>
  ({
    summary: `Sync the host of the preset ${name}; answers when it has ended`,
    scope: 'write',
    body: presetBodySchema,
    output: ranSchema,
    refusals: 'contract',
    problems: ['not_found', 'unsupported', 'exists'],
  }) as const;

export const contractRouteTable = {
  startContractSync: {
    summary: 'Start a sync from a host (contract v2)',
    scope: 'write',
    body: startBodySchema,
    output: startedSchema,
    refusals: 'contract',
    problems: ['not_found', 'unsupported', 'exists'],
  },
  getContractStatus: {
    summary: 'How a sync stands (contract v2)',
    scope: 'read',
    params: id,
    output: contractJobSchema,
    refusals: 'contract',
  },
  getContractProgress: {
    summary: 'How far a sync is (contract v2)',
    scope: 'read',
    params: id,
    output: progressAnswerSchema,
    refusals: 'contract',
  },
  listContractActive: {
    summary: 'Syncs of the contract that have not ended (contract v2)',
    scope: 'read',
    output: activeSchema,
    refusals: 'contract',
  },
  cancelContractSync: {
    summary: 'Cancel a sync (contract v2)',
    scope: 'write',
    params: id,
    output: cancelledSchema,
    refusals: 'contract',
  },
  syncForge: preset('forge'),
  syncComfy: preset('comfyui'),
  syncVastai: preset('vastai'),
} as const;
