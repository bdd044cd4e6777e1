// The API as one page to read, without a script and without anything from elsewhere.

import { createHash } from 'node:crypto';
import { eventGroup, eventNames, progressNames } from '../model/event.ts';
import { faultTable } from '../model/fault.ts';
import { openApiDocument } from './openapi.ts';

export interface DocsPage {
  readonly html: string;
  /** What a content security policy must allow of styles: this page's own, by its hash. */
  readonly styleSource: string;
}

let made: { readonly version: string; readonly page: DocsPage } | undefined;

export function docsPage(version: string): DocsPage {
  if (made?.version !== version) made = { version, page: build(version) };
  return made.page;
}

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 24px; overflow-wrap: anywhere; }
h1 { font-size: 28px; } h2 { font-size: 20px; margin-top: 40px; } h3 { font-size: 16px; margin: 24px 0 0; }
code, pre { font: 13px/1.5 ui-monospace, monospace; } pre { overflow: auto; padding: 12px; border: 1px solid #8885; border-radius: 6px; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: 4px 12px 4px 0; border-bottom: 1px solid #8883; }
.scope { font-size: 13px; opacity: 0.75; } summary { cursor: pointer; }
`;

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly 'x-scope'?: string;
  readonly parameters?: readonly {
    name: string;
    in: string;
    required: boolean;
    description?: string;
    schema: object;
  }[];
  readonly requestBody?: { content: { 'application/json': { schema: object } } };
  readonly responses: Record<string, { content?: Record<string, { schema: object }> }>;
}

function build(version: string): DocsPage {
  const document = openApiDocument(version) as {
    paths: Record<string, Record<string, Operation>>;
    components: { schemas: Record<string, object> };
  };
  const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => routeSection(method.toUpperCase(), path, operation)),
  );
  const schemas = Object.entries(document.components.schemas).map(
    ([name, schema]) => `<details id="schema-${name}"><summary><code>${name}</code></summary>${json(schema)}</details>`,
  );
  const faults = Object.entries(faultTable).map(
    ([code, { httpStatus, sentence, remedy }]) =>
      `<tr id="${code}"><td><code>${code}</code></td><td>${httpStatus}</td><td>${text(sentence)}</td><td>${text(remedy)}</td></tr>`,
  );
  const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Wherry API</title><style>${style}</style></head>
<body><h1>Wherry API ${text(version)}</h1>
<p>The same as an <a href="/openapi.json">OpenAPI 3.1 document</a>. Send <code>Authorization: Bearer …</code>. Errors are problem documents (RFC 9457) with a <code>code</code>.</p>
<h2>Routes</h2>${routes.join('\n')}
<h2>Events</h2><p>Group <code>${eventGroup}</code>. Durable: ${eventNames.map((name) => `<code>${name}</code>`).join(', ')}.
Live only: ${progressNames.map((name) => `<code>${name}</code>`).join(', ')}.</p>
<h2>Schemas</h2>${schemas.join('\n')}
<h2>Errors</h2><table><thead><tr><th>Code</th><th>Status</th><th>What it says</th><th>What to do</th></tr></thead><tbody>${faults.join('\n')}</tbody></table>
</body></html>
`;
  return { html, styleSource: `'sha256-${createHash('sha256').update(style).digest('base64')}'` };
}

function routeSection(method: string, path: string, operation: Operation): string {
  const parameters = (operation.parameters ?? []).map(
    ({ name, in: place, required, description = '', schema }) =>
      `<tr><td><code>${text(name)}</code></td><td>${place}${required ? ', required' : ''}</td><td>${text(description)} <code>${text(JSON.stringify(schema))}</code></td></tr>`,
  );
  const body = operation.requestBody?.content['application/json'].schema;
  const answers = Object.entries(operation.responses)
    .filter(([status]) => status.startsWith('2'))
    .map(([status, { content = {} }]) => {
      const forms = Object.entries(content).map(([type, { schema }]) => `${type} ${link(schema)}`);
      return `<p>${status}${forms.length === 0 ? '' : `: ${forms.join('; ')}`}</p>`;
    });
  const refusals = Object.keys(operation.responses).filter((status) => status.startsWith('4'));
  if (refusals.length > 0) answers.push(`<p class="scope">Refuses with ${refusals.join(', ')}</p>`);
  return `<section id="${operation.operationId}"><h3><code>${method} ${text(path)}</code></h3>
<p>${text(operation.summary)}. <span class="scope">${operation['x-scope'] === undefined ? 'Open' : `Scope ${operation['x-scope']}`}</span></p>
${parameters.length === 0 ? '' : `<table>${parameters.join('')}</table>`}
${body === undefined ? '' : `<details><summary>Request body ${link(body)}</summary>${json(body)}</details>`}${answers.join('')}</section>`;
}

function link(schema: object): string {
  const reference = '$ref' in schema ? String(schema.$ref) : '';
  const name = reference.split('/').at(-1) ?? '';
  return name === '' ? '' : `<a href="#schema-${text(name)}">${text(name)}</a>`;
}

function json(value: object): string {
  return `<pre>${text(JSON.stringify(value, null, 2))}</pre>`;
}

function text(value: string): string {
  return value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
