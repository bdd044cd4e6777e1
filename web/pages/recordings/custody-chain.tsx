// The chain of custody of a recording: the original as it was proven, and each file with what it was made from, by what and how.

import type { CustodyView } from '../../../src/model/recording-views.ts';
import { CopyButton } from '../../parts/copy-button.tsx';
import { Icon } from '../../parts/icon.tsx';
import { roleWords } from '../../words/recordings.ts';
import { exactMoment } from '../../words/times.ts';
import { algorithmName } from '../../words/transfers.ts';

export function CustodyChain({ links }: { links: readonly CustodyView[] }) {
  return (
    <ol aria-label="Chain of custody" className="flex flex-col gap-4">
      {links.map((link) => (
        <li key={`${link.role} ${link.path}`} className="flex gap-3">
          <Icon
            name={link.parentHash === null ? 'proven' : 'arrow'}
            className={`mt-0.5 ${link.role === 'original' ? 'text-proven' : 'text-ink-faint'}`}
          />
          <OneLink link={link} />
        </li>
      ))}
    </ol>
  );
}

function OneLink({ link }: { link: CustodyView }) {
  const { role, path, hash, parent, parentHash, by, parameters, at } = link;
  return (
    <div className="flex min-w-0 flex-1 flex-col gap-1">
      <p>
        <span className="font-medium">{roleWords(role)}</span>
        {parent !== null && <span className="text-ink-soft">, made from {roleWords(parent).toLowerCase()}</span>}
      </p>
      <Copied text={hash.value} what={`the hash of the ${roleWords(role).toLowerCase()}`}>
        <span className="text-ink-faint">{algorithmName(hash.algorithm)}</span> {hash.value}
      </Copied>
      <Copied text={path} what={`the path of the ${roleWords(role).toLowerCase()}`}>
        {path}
      </Copied>
      <p className="wrap-anywhere text-12 text-ink-soft">
        {by}, <time dateTime={at}>{exactMoment(Date.parse(at))}</time>
      </p>
      {(parameters.length > 0 || parentHash !== null) && (
        <details className="text-12">
          <summary className="cursor-pointer text-ink-soft">How it was made</summary>
          {parentHash !== null && (
            <div className="mt-1">
              <Copied text={parentHash} what="the hash that it was made from">
                <span className="text-ink-faint">from</span> {parentHash}
              </Copied>
            </div>
          )}
          {parameters.length > 0 && (
            <div className="mt-1 flex items-start gap-1 rounded border border-line bg-tint py-1 pl-2">
              <code className="min-w-0 flex-1 wrap-anywhere font-mono">{parameters.join(' ')}</code>
              <CopyButton text={parameters.join(' ')} what="the parameters" />
            </div>
          )}
        </details>
      )}
    </div>
  );
}

function Copied({ text, what, children }: { text: string; what: string; children: React.ReactNode }) {
  return (
    <span className="flex items-start gap-1">
      <span className="min-w-0 flex-1 wrap-anywhere font-mono text-12 leading-5">{children}</span>
      <span className="-my-1">
        <CopyButton text={text} what={what} />
      </span>
    </span>
  );
}
