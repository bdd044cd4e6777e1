// The overview, the bandwidth limit, and what is known of a path.

import { Fault } from '../../model/fault.ts';
import { exactPath, pathText } from '../../model/path-text.ts';
import { overviewOf } from '../overview.ts';
import { faultView, isoTime, transferView } from '../present.ts';
import { type MachineFinding, route, type Services } from '../route.ts';

export const settingsCollection = 'api.settings';
export const bandwidthKey = 'bandwidth';

export const overviewRoutes = [
  route('getOverview', (_, services) => overviewOf(services)),
  route('getAbout', async (_, { examineMachine, version, startedAt }) => {
    const findings: MachineFinding[] = [];
    for await (const finding of examineMachine()) findings.push(finding);
    return {
      version,
      node: process.versions.node,
      platform: `${process.platform} ${process.arch}`,
      startedAt: isoTime(startedAt),
      findings,
    };
  }),
  route('getThroughput', ({ query }, { throughput }) => Promise.resolve(throughput.read(query.span))),
  route('getBandwidth', (_, { engine }) => Promise.resolve(engine.snapshot().bandwidthLimit)),
  route('setBandwidth', async ({ body }, { engine, documents }) => {
    engine.setBandwidth(body.limit);
    // Kept over a restart; lifting it gives the word back to the configuration.
    if (body.limit === null) await documents.remove(settingsCollection, bandwidthKey);
    else await documents.put(settingsCollection, bandwidthKey, { limit: body.limit });
    return engine.snapshot().bandwidthLimit;
  }),
  route('reloadConfig', (_, { reload }, { caller }) => reload(caller?.name ?? 'somebody')),
  route('explain', async ({ query }, services) => {
    const { engine } = services;
    const explanation = await engine.explain(await namedPath(query, services));
    const live = new Map(
      engine.progressOf(explanation.transfers.map(({ id }) => id)).map((one) => [one.transferId, one]),
    );
    return {
      ...pathText(explanation.path),
      summary: explanation.summary,
      transfers: explanation.transfers.map((transfer) => transferView(transfer, live.get(transfer.id))),
      facts: explanation.facts.map(({ at, text, transferId, error }) => ({
        at: isoTime(at),
        text,
        ...(transferId === undefined ? {} : { transferId }),
        ...(error === undefined ? {} : { error: faultView(error) }),
      })),
    };
  }),
];

/** Absolute paths are confined to the roots; a part of a path is only looked for in the ledger. */
async function namedPath(
  query: { path?: string | undefined; pathBytes?: string | undefined },
  { roots }: Services,
): Promise<string> {
  if (query.path === undefined && query.pathBytes === undefined) throw new Fault('invalid', 'Name a path.');
  const path = exactPath({
    path: query.path ?? '',
    ...(query.pathBytes === undefined ? {} : { pathBytes: query.pathBytes }),
  });
  return path.startsWith('/') ? await roots.confineText(path) : path;
}
