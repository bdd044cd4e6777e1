// Whether an answer is one that the OpenAPI document describes: its status, its media type and its body, for the operation that was asked.

import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

export type Schema = { readonly [key: string]: unknown };

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly schema: Schema;
}

export interface Operation {
  readonly operationId: string;
  readonly 'x-scope'?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema: Schema }>> }>>;
}

export interface OpenApiDocument {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

export interface DocumentedOperation {
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}

export function operationsOf(document: OpenApiDocument): readonly DocumentedOperation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
}

export interface SeenAnswer {
  readonly status: number;
  readonly mediaType: string;
  readonly body: string;
}

/** Gives what is wrong with an answer in words; undefined where it is as documented. A 5xx is documented and is for the caller to judge. */
export function answerCheck(
  document: OpenApiDocument,
): (operation: Operation, answer: SeenAnswer) => string | undefined {
  const ajv = new Ajv2020({ strict: false, allErrors: false });
  formats.default(ajv);
  // Its pattern stands beside it.
  ajv.addFormat('base64', true);
  ajv.addSchema({ $id: 'openapi', components: document.components });
  const compiled = new Map<Schema, ValidateFunction>();
  const compile = (schema: Schema): ValidateFunction => {
    const known = compiled.get(schema);
    if (known !== undefined) return known;
    const text = JSON.stringify(schema).replaceAll('"#/components/', '"openapi#/components/');
    const made = ajv.compile(JSON.parse(text) as Schema);
    compiled.set(schema, made);
    return made;
  };

  return ({ operationId, responses }, { status, mediaType, body }) => {
    const listed = responses[String(status)] ?? (status >= 500 ? responses.default : undefined);
    if (listed === undefined) return `${operationId}: status ${status} is not documented`;
    const content = listed.content ?? {};
    const [first] = Object.keys(content);
    if (first === undefined)
      return body === '' ? undefined : `${operationId}: ${status} has a body that is not documented`;
    // A file comes as whatever it is.
    if (content['*/*'] !== undefined && content[mediaType] === undefined) return undefined;
    const schema = content[mediaType]?.schema;
    if (schema === undefined)
      return `${operationId}: ${status} came as ${mediaType}, documented is ${Object.keys(content).join(', ')}`;
    if (mediaType === 'text/event-stream') return undefined;
    const values = valuesIn(mediaType, body);
    if (values === undefined) return `${operationId}: ${status} is no ${mediaType}: ${body.slice(0, 200)}`;
    const valid = compile(schema);
    for (const value of values) {
      if (mediaType === 'application/x-ndjson' && isLastProblem(value)) continue;
      if (!valid(value)) return `${operationId}: ${status} does not match: ${ajv.errorsText(valid.errors)}`;
    }
    return undefined;
  };
}

function valuesIn(mediaType: string, body: string): unknown[] | undefined {
  try {
    if (mediaType === 'application/x-ndjson') {
      return body
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as unknown);
    }
    return mediaType.endsWith('json') ? [JSON.parse(body)] : [body];
  } catch {
    return undefined;
  }
}

/** How a list of lines that broke off ends. */
function isLastProblem(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'problem' in value;
}
