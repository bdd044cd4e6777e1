// What the server looks at in rooms with inspection: the first bytes against the declared type, and all of it by the virus scanner.

import { Fault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import type { RelayConfig } from '../../model/relay-config.ts';
import { declaredType, type TypeRules, typeRefusal, typesAgree } from '../../model/room-types.ts';
import { askClamd, judge, type Send, piecesOf as scanPieces } from '../../steps/clamd.ts';
import { piecesOf } from './pieces.ts';
import type { RelayTransfer } from './relay-gate.ts';
import type { Upload } from './upload.ts';

/** Reads every byte, as a receiver does, and lets go of it once it has been looked at. */
export const inspector = '(inspection)';

/** So many bytes tell the formats that can be told (file-type's own measure). */
const headBytes = 4100;
/** Held back until the scanner has said that all is well: a file without it is not whole. */
const lastPartBytes = 1024 * 1024;

/**
 * Lifts the hold on the upload's spool as far as it may. Rejects with `type_refused` (not what it was declared, or not taken), `infected`,
 * `tool_unavailable` (no verdict), `step_failed` (too large for the scanner), the spool's failure, and the signal's reason.
 */
export async function inspect(
  upload: Upload,
  transfer: Pick<RelayTransfer, 'fileName' | 'mimeType'>,
  rules: { readonly types: TypeRules; readonly scan: RelayConfig['scan'] },
  signal: AbortSignal,
): Promise<void> {
  const { spool, sizeBytes } = upload;
  spool.hold(0);
  await checkType(await headOf(upload, signal), transfer, rules.types);
  if (rules.scan !== null) {
    spool.hold(Math.max(0, sizeBytes - lastPartBytes));
    await scan(upload, displayPath(transfer.fileName), rules.scan, signal);
  }
  spool.hold(Number.POSITIVE_INFINITY);
  spool.forget(inspector);
}

async function headOf(upload: Upload, signal: AbortSignal): Promise<Uint8Array> {
  const head = new Uint8Array(Math.min(headBytes, upload.sizeBytes));
  let filled = 0;
  for await (const piece of piecesOf(upload, inspector, 0, signal, () => undefined)) {
    const taken = piece.bytes.subarray(0, head.length - filled);
    head.set(taken, filled);
    filled += taken.length;
    piece.release();
    if (filled === head.length) break;
  }
  return head;
}

async function checkType(
  head: Uint8Array,
  { fileName, mimeType }: Pick<RelayTransfer, 'fileName' | 'mimeType'>,
  rules: TypeRules,
): Promise<void> {
  const { fileTypeFromBuffer } = await import('file-type');
  const isScript = head[0] === 0x23 && head[1] === 0x21;
  const found = isScript ? 'application/x-shellscript' : (await fileTypeFromBuffer(head))?.mime;
  const declared = declaredType(fileName, mimeType);
  const shown = displayPath(fileName);
  const refusal = found === undefined ? undefined : typeRefusal(rules, fileName, found);
  if (refusal !== undefined) throw new Fault('type_refused', `${shown} is not passed on: ${refusal}.`);
  if (typesAgree(declared, found)) return;
  throw new Fault(
    'type_refused',
    `${shown} is not passed on: it was declared as ${declared}, and is ${found ?? 'nothing of that kind'}.`,
  );
}

async function scan(
  upload: Upload,
  shown: string,
  { socket, quietSeconds }: NonNullable<RelayConfig['scan']>,
  signal: AbortSignal,
): Promise<void> {
  let at = 0;
  const body = async (send: Send) => {
    for await (const piece of piecesOf(upload, inspector, 0, signal, () => undefined)) {
      try {
        for (const part of scanPieces(piece.bytes)) await send(part);
        at += piece.bytes.length;
      } finally {
        piece.release();
      }
      upload.spool.acknowledge(inspector, at);
    }
    await send(Buffer.alloc(4));
  };
  judge(await askClamd(socket, quietSeconds, signal, body, 'zINSTREAM\0'), shown, socket);
}
