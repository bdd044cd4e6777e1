// What SQLite's and the operating system's refusals mean to a person who runs Wherry.

import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';

/** Any error of the ledger's files as a Fault `ledger`; a Fault stays what it is. `file` is the ledger's path. */
export function ledgerFault(error: unknown, file: string): Fault {
  if (error instanceof Fault) return error;
  const code = codeOf(error);
  const shown = displayPath(file);
  return new Fault('ledger', explain(code, shown, error), { cause: error, place: { path: shown } });
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function explain(code: string, file: string, error: unknown): string {
  if (code === 'SQLITE_FULL' || code === 'ENOSPC' || code === 'EDQUOT') {
    return `The ledger ${file} cannot grow: its disk is full. Make room there; nothing that was reported as done is lost.`;
  }
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
    return `The ledger ${file} is damaged. Stop Wherry, keep a copy of the file, then restore it from a backup or move it away to begin a new one; files that were copied are not touched.`;
  }
  if (code.startsWith('SQLITE_IOERR') || code === 'EIO') {
    return `The disk failed to read or write the ledger ${file} (${code}). Check the disk, then start again.`;
  }
  if (code.startsWith('SQLITE_READONLY') || code === 'EROFS')
    return `The ledger ${file} cannot be written: it or its disk is read-only.`;
  if (code === 'EACCES' || code === 'EPERM' || code === 'SQLITE_PERM' || code === 'SQLITE_AUTH') {
    return `The ledger ${file} cannot be opened: this user has no right to its folder.`;
  }
  if (code === 'ENOTDIR' || code === 'EEXIST')
    return `The ledger ${file} cannot be opened: a file stands where its folder is needed.`;
  if (code.startsWith('SQLITE_CANTOPEN'))
    return `The ledger ${file} cannot be opened: check that its folder can be read and written.`;
  if (code.startsWith('SQLITE_BUSY') || code === 'SQLITE_LOCKED')
    return `The ledger ${file} is held by another program.`;
  return `The ledger ${file} failed: ${error instanceof Error ? error.message : String(error)}.`;
}
