// A file's name that keeps its end (number, extension) in sight when it is too long.

const tailLength = 14;

/** Takes display text (the API's). The whole text shows on hover, as `title` where one is given. */
export function FileName({ name, title = name, className = '' }: { name: string; title?: string; className?: string }) {
  const characters = [...name];
  const head = characters.length > tailLength * 2 ? characters.slice(0, -tailLength).join('') : name;
  const tail = characters.length > tailLength * 2 ? characters.slice(-tailLength).join('') : '';
  return (
    <span className={`flex min-w-0 ${className}`} title={title}>
      <span className="overflow-hidden text-ellipsis whitespace-pre">{head}</span>
      {tail !== '' && <span className="shrink-0 whitespace-pre">{tail}</span>}
    </span>
  );
}
