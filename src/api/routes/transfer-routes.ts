// Transfers and their receipts: list, look at, and act on one or many.

import { Fault } from '../../model/fault.ts';
import { blockBytes } from '../../model/hash.ts';
import { displayPath } from '../../model/names.ts';
import { exactPath } from '../../model/path-text.ts';
import { actOnTransfer } from '../commands.ts';
import { factView, receiptView, transferView } from '../present.ts';
import { problemOf } from '../problem.ts';
import { route } from '../route.ts';

/** Acting on a transfer may wait until its bytes have stopped; so many are asked side by side. */
const actionsAtOnce = 32;

export const transferRoutes = [
  route('listTransfers', async ({ query }, { engine, reader }) => {
    if (query.sort !== 'created' && query.cursor !== undefined) {
      throw new Fault('invalid', `Pages sorted by ${query.sort} are asked for by offset, not by cursor.`);
    }
    const page = await reader.transfers({
      limit: query.limit,
      newestFirst: query.order === 'desc',
      orderBy: query.sort,
      withTotal: query.withTotal === 'true',
      ...(query.state === undefined ? {} : { states: query.state }),
      ...(query.job === undefined ? {} : { jobId: query.job }),
      ...(query.mode === undefined ? {} : { mode: query.mode }),
      ...(query.associateWith === undefined ? {} : { associateWith: query.associateWith }),
      ...(query.search === undefined || query.search === '' ? {} : { search: query.search }),
      ...(query.cursor === undefined ? {} : { cursor: query.cursor }),
      ...(query.offset === undefined ? {} : { offset: query.offset }),
    });
    const live = new Map(engine.progressOf(page.rows.map(({ id }) => id)).map((one) => [one.transferId, one]));
    return {
      rows: page.rows.map((transfer) => transferView(transfer, live.get(transfer.id))),
      nextCursor: page.nextCursor,
      ...(page.total === undefined ? {} : { total: page.total }),
    };
  }),
  route('actOnTransfers', async ({ body }, services) => {
    const ids = [...new Set(body.ids)];
    const checked = new Map<string, Promise<void>>();
    const results = new Map<string, Awaited<ReturnType<typeof one>>>();
    const one = async (id: string) => {
      try {
        return { id, ok: true, transfer: await actOnTransfer(services, body.action, id, checked) };
      } catch (error) {
        return { id, ok: false, problem: problemOf(error) };
      }
    };
    const rest = ids.values();
    const worker = async () => {
      for (const id of rest) results.set(id, await one(id));
    };
    await Promise.all(Array.from({ length: Math.min(actionsAtOnce, ids.length) }, worker));
    return { results: ids.flatMap((id) => results.get(id) ?? []) };
  }),
  route('getTransfer', async ({ params }, { engine, reader }) => {
    const transfer = await reader.transfer(params.id);
    if (transfer === undefined) throw new Fault('not_found', `There is no transfer ${displayPath(params.id)}.`);
    const [receipts, { events }] = await Promise.all([
      reader.receipts({ transferId: transfer.id }),
      reader.events({ transferId: transfer.id, limit: 1000 }),
    ]);
    return {
      transfer: transferView(transfer, engine.progressOf([transfer.id])[0]),
      receipts: receipts.map(receiptView),
      facts: events.map(factView),
    };
  }),
  route('getTransferBlocks', async ({ params }, { engine }) => {
    const { sizeBytes, ranges } = await engine.blocksOf(params.id);
    const verifiedBytes = ranges.reduce((sum, { from, to }) => sum + to - from, 0);
    return { transferId: params.id, sizeBytes, blockBytes, verifiedBytes, ranges: [...ranges] };
  }),
  route('pauseTransfer', ({ params }, services) => actOnTransfer(services, 'pause', params.id)),
  route('resumeTransfer', ({ params }, services) => actOnTransfer(services, 'resume', params.id)),
  route('cancelTransfer', ({ params }, services) => actOnTransfer(services, 'cancel', params.id)),
  route('retryTransfer', ({ params }, services) => actOnTransfer(services, 'retry', params.id)),
  route('listReceipts', async ({ query }, { reader }) => {
    if (query.transfer !== undefined) {
      return { rows: (await reader.receipts({ transferId: query.transfer })).map(receiptView) };
    }
    if (query.endpoint === undefined || (query.path === undefined && query.pathBytes === undefined)) {
      throw new Fault('invalid', 'Name a transfer, or an endpoint and a path.');
    }
    const path = exactPath({
      path: query.path ?? '',
      ...(query.pathBytes === undefined ? {} : { pathBytes: query.pathBytes }),
    });
    const receipts = await reader.receipts({ destination: { endpoint: query.endpoint, path } });
    return { rows: receipts.map(receiptView) };
  }),
];
