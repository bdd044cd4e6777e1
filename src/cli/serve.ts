// `wherry serve`: runs the daemon until a signal ends it, and says how to get at it.

import { resolve } from 'node:path';
import { loadSettings } from '../config.ts';
import type { Daemon } from '../main.ts';
import { asFault, Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { VerbCall } from './command-line.ts';
import { listenForInterrupt } from './interrupt.ts';
import type { Terminal } from './terminal.ts';

export async function serve({ words, flags, terminal }: VerbCall): Promise<number> {
  if (words.length > 0)
    throw new Fault('invalid', `wherry serve takes no argument such as "${displayPath(words[0] ?? '')}".`);
  let hangUp: () => void = () => undefined;
  const interrupt = listenForInterrupt({ onHangUp: () => hangUp() });
  const named = {
    config: flags.text('config'),
    data: flags.text('data'),
    listen: flags.text('listen'),
    bandwidth: flags.text('bwlimit'),
    transfers: flags.number('transfers', 1, 64),
    insecureHttp: flags.is('insecure-http') ? true : undefined,
  };
  const settings = await loadSettings(named);
  const { openDaemon } = await import('../main.ts');
  const isDemo = settings.file === null && !flags.is('no-demo');
  const daemon = await openDaemon(settings, {
    demoFolder: isDemo ? resolve('demo') : null,
    readSettings: () => loadSettings(named),
    // On a terminal the log would drown what a person has to read.
    logToErrors: terminal.quiet ? 'none' : terminal.interactive && terminal.verbose === 0 ? 'warnings' : 'all',
  });
  hangUp = () => void reload(daemon, terminal);
  if (terminal.json) {
    terminal.object({
      type: 'serving',
      url: daemon.url,
      consoleUrl: daemon.consoleUrl,
      ...(daemon.fingerprint === null ? {} : { fingerprint: daemon.fingerprint }),
      dataFolder: settings.dataFolder,
      pid: process.pid,
    });
  } else {
    terminal.out(`Wherry serves ${daemon.url} (data in ${displayPath(settings.dataFolder)}).`);
    terminal.out(`Open the console (the link works once; \`wherry console\` gives another):`);
    terminal.out(`  ${daemon.consoleUrl}`);
    if (daemon.fingerprint !== null) {
      terminal.out(
        'The certificate is self-made: the browser will warn. Go on only if it shows this SHA-256 fingerprint:',
      );
      terminal.out(`  ${daemon.fingerprint}`);
    }
    if (daemon.demo !== null) {
      terminal.out('No configuration was found, so there is a demo: drop a file into');
      terminal.out(`  ${displayPath(daemon.demo.source)}`);
      terminal.out(`and see it arrive, verified, in ${displayPath(daemon.demo.destination)}.`);
    } else if (settings.watches.length > 0) {
      const places = settings.watches.map(({ source }) => displayPath(source));
      terminal.out(`Watching ${places.join(', ')} (${displayPath(settings.file ?? '')}).`);
    }
    terminal.out('Stop it with Ctrl-C.');
  }
  if (!interrupt.signal.aborted) {
    await new Promise<void>((done) => interrupt.signal.addEventListener('abort', () => done(), { once: true }));
  }
  terminal.say('Stopping …');
  const ended = await daemon.close();
  if (!ended) {
    terminal.warn('wherry: a call hangs in the operating system; the process ends without it.');
    process.kill(process.pid, 'SIGKILL');
  }
  // Being told to stop is how a daemon's life ends well.
  return 0;
}

async function reload(daemon: Daemon, terminal: Terminal): Promise<void> {
  try {
    const { changed, file } = await daemon.reload('SIGHUP');
    if (terminal.json) terminal.object({ type: 'reloaded', file, changed });
    const said = changed.map(({ key, takesEffect }) => (takesEffect === 'now' ? key : `${key} (needs a restart)`));
    terminal.say(`The configuration was read again: ${said.length === 0 ? 'nothing changed' : said.join(', ')}.`);
  } catch (error) {
    const { message } = asFault(error);
    terminal.warn(`wherry: ${message} Everything stays as it was.`);
  }
}
