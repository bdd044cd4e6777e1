// An app of a session desk: what it shows of its own is read anew each time that Wherry has brought a file.

import { type FormEvent, useCallback, useState } from 'react';
import { TransferPanel, TransferServiceComponent, transfer } from 'wherry/react';

interface Daemon {
  readonly url: string;
  readonly token: string;
}

export function Desk() {
  const [daemon, setDaemon] = useState<Daemon>();
  const [problem, setProblem] = useState<string>();
  const [arrived, setArrived] = useState<readonly string[]>([]);
  const activeCount = transfer((state) => state.activeCount);
  const connect = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setProblem(undefined);
    setDaemon({ url: String(form.get('url')), token: String(form.get('token')) });
  };
  // A real app asks its own server for the session here.
  const refetchSession = useCallback(
    (done: { readonly source: { readonly path: string } }) => setArrived((before) => [...before, done.source.path]),
    [],
  );
  const refused = useCallback((error: Error) => {
    setProblem(error.message);
    setDaemon(undefined);
  }, []);
  return (
    <main>
      <h1>Session desk{activeCount > 0 && ` (${activeCount} on their way)`}</h1>
      {daemon === undefined ? (
        <form onSubmit={connect}>
          <label>
            Address of the daemon
            <input name="url" defaultValue="http://127.0.0.1:7373" />
          </label>
          <label>
            Token
            <input name="token" type="password" autoComplete="off" />
          </label>
          <button type="submit">Connect</button>
          {problem !== undefined && <p role="alert">{problem}</p>}
        </form>
      ) : (
        <>
          <TransferServiceComponent {...daemon} onCompleted={refetchSession} onRefused={refused} />
          <TransferPanel title="Files on their way" />
        </>
      )}
      <h2>Files of the session</h2>
      <ul aria-label="Files of the session">
        {arrived.map((name) => (
          <li key={name}>{name}</li>
        ))}
      </ul>
    </main>
  );
}
