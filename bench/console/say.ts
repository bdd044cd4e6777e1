// Lines of the console's figures, and where values lie among each other.

export function say(what: string, figure: string): void {
  process.stdout.write(`| ${what} | ${figure} |\n`);
}

export function quantile(values: readonly number[], part: number): number {
  return [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? 0;
}
