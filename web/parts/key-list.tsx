// Keys and what they do.

export function KeyList({
  keys,
  className,
}: {
  keys: readonly (readonly [keys: string, what: string])[];
  className: string;
}) {
  return (
    <dl className={`grid ${className}`}>
      {keys.map(([key, what]) => (
        <div key={key} className="contents">
          <dt>
            <kbd className="rounded border border-line-strong bg-tint px-1.5 font-mono text-12">{key}</kbd>
          </dt>
          <dd>{what}</dd>
        </div>
      ))}
    </dl>
  );
}
