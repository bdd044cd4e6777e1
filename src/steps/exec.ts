// Step `exec`: a program of one's own on the original, by a fixed list of words: no shell looks at them, and little is inherited.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { Fault } from '../model/fault.ts';
import { displayPath, isText } from '../model/names.ts';
import { sizeSchema } from '../model/size-schema.ts';
import { failed } from './ffmpeg.ts';
import { endWords, runProgram } from './program.ts';
import type { Step } from './step.ts';
import { plainInput } from './work-folder.ts';

const params = z.object({
  argv: z
    .array(z.string())
    .min(1)
    .describe('The program and its words; {input}, {output}, {workFolder} and {name} inside a word are replaced'),
  output: z
    .string()
    .regex(/^(?!\.{1,2}$)[^/]+$/, { message: 'Write one name, without a slash.' })
    .nullable()
    .default(null)
    .describe('Name of what it makes, a file or folder ({name}.txt); {output} is where it is to be written'),
  role: z.string().min(1).default('exec').describe('What its result is called'),
  mediaType: z.string().nullable().default(null).describe('Of its result'),
  env: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string())
    .default({})
    .describe('Its environment beside PATH and LC_ALL; nothing else of the daemon’s is passed on'),
  passEnv: z
    .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/))
    .default([])
    .describe('Variables of the daemon’s environment that it may see'),
  cpuSeconds: z.number().positive().nullable().default(null).describe('Ended after so much processor time'),
  memory: sizeSchema.nullable().default(null).describe('Most address space'),
  fileSize: sizeSchema.nullable().default(null).describe('The largest file that it may write'),
  openFiles: z.int().min(8).nullable().default(null).describe('How many files it may have open'),
});

export const exec: Step<z.output<typeof params>> = {
  kind: 'exec',
  about: 'A program of your own, without a shell',
  params,
  async run(file, output, given, call) {
    const folder = output.workFolder;
    const input = isText(file.path) ? file.path : join(folder, plainInput(file, output));
    // The name is shown in its readable form: what it makes has to be text.
    const name = displayPath(output.name);
    const made = given.output?.replaceAll('{name}', name) ?? null;
    const values: Readonly<Record<string, string>> = {
      input,
      name,
      workFolder: folder,
      ...(made === null ? {} : { output: join(folder, made) }),
    };
    const [program = '', ...args] = given.argv.map((word) =>
      word.replace(/\{(input|output|workFolder|name)\}/g, (whole, key: string) => values[key] ?? whole),
    );
    const passed = given.passEnv.flatMap((key) => (process.env[key] === undefined ? [] : [[key, process.env[key]]]));
    const end = await runProgram(
      {
        program,
        args,
        folder,
        env: { ...Object.fromEntries(passed), ...given.env },
        limits: {
          cpuSeconds: given.cpuSeconds ?? undefined,
          memoryBytes: given.memory ?? undefined,
          fileBytes: given.fileSize ?? undefined,
          openFiles: given.openFiles ?? undefined,
        },
        onLine: () => undefined,
      },
      call.signal,
    );
    if (end.code === 125) throw new Fault('step_failed', 'A limit of the step exec cannot be set on this machine.');
    if (end.code !== 0) throw failed(file, `${displayPath(program)} ${endWords(end)}`);
    const tool = { name: displayPath(program), version: '', parameters: given.argv.slice(1) };
    if (made === null) return { produced: [], facts: {}, tool };
    if (!existsSync(join(folder, made))) throw failed(file, `${displayPath(program)} made no ${displayPath(made)}`);
    return { produced: [{ role: given.role, path: made, mediaType: given.mediaType }], facts: {}, tool };
  },
};
